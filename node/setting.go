package node

import (
	"errors"
	"flag"
	"fmt"
	"strings"
)

// setting is a flag whose bad values are collected instead of ending the
// parsing, so that all of them are reported at once.
type setting struct {
	flag.Value

	bad  *[]error
	name string
	want string // of its values, for people
}

// newSetting wraps a flag. Its type tells what a value looks like.
func newSetting(f *flag.Flag, bad *[]error) *setting {
	s := &setting{Value: f.Value, bad: bad, name: f.Name}

	switch fmt.Sprintf("%T", f.Value) {
	case "*flag.durationValue":
		s.want = "a duration, as in 30s or 5m"
	case "*flag.intValue":
		s.want = "a whole number"
	case "*flag.uintValue":
		s.want = "a number that is not negative"
	}

	return s
}

// String returns the value. Package flag also calls it on a zero setting.
func (s *setting) String() string {
	if s.Value == nil {
		return ""
	}

	return s.Value.String()
}

// Set sets the value. A bad one is noted and gives no error.
func (s *setting) Set(value string) error {
	if err := s.take(value); err != nil {
		*s.bad = append(*s.bad, fmt.Errorf("--%s %w", s.name, err))
	}

	return nil
}

func (s *setting) take(value string) error {
	if s.Value.Set(value) != nil {
		return fmt.Errorf("%q is not %s", value, s.want)
	}

	return nil
}

// parse reads flags, the wrong ones included.
func parse(set *flag.FlagSet, args []string) error {
	var errs []error

	for {
		err := set.Parse(args)

		if errors.Is(err, flag.ErrHelp) {
			return err //nolint:wrapcheck // callers compare it
		}

		if err != nil {
			errs = append(errs, notAFlag(set, err))
		}

		args = set.Args()
		if err == nil && len(args) > 0 {
			errs = append(errs, fmt.Errorf("unexpected argument %q: all settings are flags", args[0]))
		}

		if len(args) == 0 {
			return errors.Join(errs...)
		}

		if err == nil || !strings.HasPrefix(args[0], "-") {
			args = args[1:] // the value of what is no flag
		}
	}
}

// notAFlag says in other words why package flag stopped.
func notAFlag(set *flag.FlagSet, err error) error {
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return fmt.Errorf("there is no flag --%s%s", name, meant(set, name, "--%s"))
	}

	return err
}

// meant proposes the setting that a mistyped name is close to.
func meant(set *flag.FlagSet, name, format string) string {
	if known, ok := nearest(set, name); ok {
		return "; did you mean " + fmt.Sprintf(format, known) + "?"
	}

	return ""
}

// nearest returns the setting whose name is at most two typing errors away.
func nearest(set *flag.FlagSet, name string) (best string, found bool) {
	least := 3

	set.VisitAll(func(f *flag.Flag) {
		// In a short name two errors are another name.
		if d := distance(name, f.Name); d < least && 3*d < len(f.Name) {
			best, least, found = f.Name, d, true
		}
	})

	return best, found
}

// distance is the number of letters to add, drop or replace between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}

	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1

		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}

			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}

	return row[len(b)]
}
