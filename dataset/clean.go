package dataset

// Conflicts says what becomes of rows with equal inputs and different targets.
type Conflicts string

const (
	ConflictsError    Conflicts = "error"    // refuse them with a [*ConflictError] (the default, also for "")
	ConflictsFirst    Conflicts = "first"    // the first row of a group stands for all
	ConflictsMean     Conflicts = "mean"     // the mean of their targets; regression only
	ConflictsMajority Conflicts = "majority" // the most frequent target, the first seen on ties
	ConflictsDrop     Conflicts = "drop"     // leave out all of them
)
