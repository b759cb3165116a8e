package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// Conflicts says what becomes of rows with equal inputs and different targets.
type Conflicts string

const (
	ConflictsError    Conflicts = "error"    // refuse them with a [*ConflictError] (the default, also for "")
	ConflictsFirst    Conflicts = "first"    // the first row of a group stands for all
	ConflictsMean     Conflicts = "mean"     // the mean of their targets; of classes, whose mean indicator is largest for the most frequent, that one
	ConflictsMajority Conflicts = "majority" // the most frequent target, the first seen on ties
	ConflictsDrop     Conflicts = "drop"     // leave out all of them
)

// A PolicyError is a way to resolve conflicts that does not exist.
type PolicyError struct{ Policy Conflicts }

func (e *PolicyError) Error() string {
	return fmt.Sprintf("conflicts: %q is not one of error, first, mean, majority, drop", string(e.Policy))
}

// Clean returns s as a function on its rows: rows equal in inputs and targets
// are merged into the first of them, and rows with equal inputs but different
// targets are resolved as told. What was done stands in Merged and Notes. The
// matrices of s are not changed, and are shared when nothing had to be done.
//
// Errors: [*SizeError] when there are no rows, or none are left; [*ValueError]
// for a number that is not finite; [*ConflictError] under ConflictsError;
// [*PolicyError].
func Clean(s *Set, conflicts Conflicts) (*Set, error) {
	known := []Conflicts{"", ConflictsError, ConflictsFirst, ConflictsMean, ConflictsMajority, ConflictsDrop}
	if !slices.Contains(known, conflicts) {
		return nil, &PolicyError{conflicts}
	}
	return s.clean(conflicts, "")
}

// MergeEqual returns s with rows equal in inputs and targets merged. Rows with
// equal inputs and different targets stay: no function hits them all, which is
// for a check to tell. Errors as for [Clean], less the conflicts.
func MergeEqual(s *Set) (*Set, error) { return s.clean(conflictsKeep, "") }

// conflictsKeep leaves rows with equal inputs and different targets as they are.
const conflictsKeep Conflicts = "keep"

// clean is Clean for numbers of the arithmetic where.
func (s *Set) clean(conflicts Conflicts, where string) (*Set, error) {
	targets, _ := s.Y.Dims()
	if err := s.checkSize(targets); err != nil {
		return nil, err
	}
	if err := s.checkFinite(where); err != nil {
		return nil, err
	}
	groups := s.equalInputs()
	if len(groups) == 0 {
		return s, nil
	}
	c := &cleaning{set: s, policy: conflicts, out: make([]bool, s.N())}
	for _, g := range groups {
		c.group(g)
	}
	if len(c.conflicts) > 0 && (conflicts == ConflictsError || conflicts == "") {
		return nil, &ConflictError{Source: s.Source, Where: where, Groups: c.conflicts}
	}
	return c.result(where)
}

// cleaning is what is found out group by group before any row is moved.
type cleaning struct {
	set       *Set
	policy    Conflicts
	out       []bool            // n; rows left out
	merged    []Merge           // rows left out because another one stands for them
	mean      map[int][]float64 // first row of a group -> mean target
	conflicts [][]int           // rows of the file, a group per input
}

// group decides about rows g with equal inputs.
func (c *cleaning) group(g []int) {
	parts := c.byTarget(g)
	conflicting := len(parts) > 1
	if conflicting {
		c.conflicts = append(c.conflicts, c.set.fileRows(g))
	}
	switch {
	case !conflicting || c.policy == ConflictsFirst:
		c.standFor(g[0], g)
	case c.policy == ConflictsMajority, c.policy == ConflictsMean && c.set.IsClasses():
		most := slices.MaxFunc(parts, func(a, b []int) int { return len(a) - len(b) }) // the first of the largest
		c.standFor(most[0], g)
	case c.policy == ConflictsMean:
		c.average(g)
	case c.policy == ConflictsDrop:
		for _, i := range g {
			c.out[i] = true
		}
	case c.policy == conflictsKeep:
		for _, part := range parts {
			c.standFor(part[0], part)
		}
	}
}

// standFor lets row keep stand for all of g.
func (c *cleaning) standFor(keep int, g []int) {
	for _, i := range g {
		if i != keep {
			c.out[i] = true
			c.merged = append(c.merged, Merge{Row: c.set.Rows[i], Into: c.set.Rows[keep]})
		}
	}
}

// byTarget parts g into rows with equal targets, in order of the first row of
// each part. O(len(g) p) expected.
func (c *cleaning) byTarget(g []int) [][]int {
	var parts [][]int
	found := make(map[uint64][]int) // hash of a target -> indices into parts
	for _, i := range g {
		target := c.set.Y.RawRowView(i)
		h := hashRow(target)
		part := slices.IndexFunc(found[h], func(k int) bool { return equalRows(c.set.Y.RawRowView(parts[k][0]), target) })
		if part >= 0 {
			part = found[h][part]
			parts[part] = append(parts[part], i)
			continue
		}
		found[h] = append(found[h], len(parts))
		parts = append(parts, []int{i})
	}
	return parts
}

// average lets the first row of g stand for all, with the mean of their
// targets: min + mean of the differences, which stays within the targets' range
// and cannot overflow.
func (c *cleaning) average(g []int) {
	mean := make([]float64, c.set.P())
	for j := range mean {
		low := c.set.Y.At(g[0], j)
		for _, i := range g {
			low = min(low, c.set.Y.At(i, j))
		}
		mean[j] = low
		for _, i := range g {
			mean[j] += float64(c.set.Y.At(i, j)/float64(len(g)) - low/float64(len(g)))
		}
	}
	if c.mean == nil {
		c.mean = make(map[int][]float64)
	}
	c.mean[g[0]] = mean
	c.standFor(g[0], g)
}

// result is the Set without the rows left out.
func (c *cleaning) result(where string) (*Set, error) {
	var keep []int
	for i, out := range c.out {
		if !out {
			keep = append(keep, i)
		}
	}
	if len(keep) == 0 {
		return nil, &SizeError{Source: c.set.Source}
	}
	r := c.set.Select(keep)
	r.Merged = append(slices.Clone(c.set.Merged), c.merged...)
	r.Notes = slices.Clone(c.set.Notes)
	if len(c.mean) > 0 {
		for k, i := range keep {
			if mean, ok := c.mean[i]; ok {
				copy(r.Y.RawRowView(k), mean)
			}
		}
	}
	if len(c.conflicts) > 0 {
		r.Notes = append(r.Notes, c.note(where))
	}
	return r, nil
}

// note says which rows conflicted and what became of them.
func (c *cleaning) note(where string) string {
	done := map[Conflicts]string{
		ConflictsFirst:    "the first row of each stands for it",
		ConflictsMean:     "the first row of each stands for it, with the mean of the targets",
		ConflictsMajority: "a row with the most frequent target stands for each",
		ConflictsDrop:     "all of them are left out",
		conflictsKeep:     "a network can hit only one target of each",
	}[c.policy]
	if c.policy == ConflictsMean && c.set.IsClasses() {
		done = "classes have no mean, so a row with the most frequent class stands for each"
	}
	var groups []string
	for i, g := range c.conflicts {
		if i == listed {
			groups = append(groups, fmt.Sprintf("and %d more groups", len(c.conflicts)-listed))
			break
		}
		groups = append(groups, rowList(g))
	}
	if where != "" {
		where = " " + where
	}
	subject := fmt.Sprintf("%d groups of rows", len(c.conflicts))
	if len(c.conflicts) == 1 {
		subject = "One group of rows"
	}
	return fmt.Sprintf("%s with equal features%s and different targets (rows %s): %s.",
		subject, where, strings.Join(groups, "; "), done)
}

// sortByFirst orders groups of rows by their first row.
func sortByFirst(groups [][]int) {
	slices.SortFunc(groups, func(a, b []int) int { return a[0] - b[0] })
}
