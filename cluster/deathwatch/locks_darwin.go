package deathwatch

// localLocks has nothing to refuse: without a boot id nobody is ever certain.
func localLocks(int) error { return nil }
