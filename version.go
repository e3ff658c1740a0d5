package segue

// Version is the version of Segue itself, for people. Protocols have versions
// of their own.
const Version = "0.1.0"
