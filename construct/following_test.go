package construct

import (
	"slices"
	"testing"

	"hinge/dataset"
)

// What follows is what the goal lists and what fits, compared ones by size, and
// nothing else; the first is what Choose chooses, where nothing is measured.
func TestFollowingKeepsToTheGoal(t *testing.T) {
	for _, set := range []*dataset.Set{dataset.Moons(120, 0.1, 1), dataset.Friedman(120, 0.1, 1)} {
		for goal := range preferences {
			p := &Problem{Set: set, Goal: goal}
			plan := Plan(p)
			names := Following(p, plan)
			listed := preferences[goal].regression
			if set.IsClasses() {
				listed = preferences[goal].classes
			}
			for _, name := range names {
				i := slices.IndexFunc(plan, func(e Entry) bool { return e.Name == name })
				if i < 0 || !plan[i].Fits {
					t.Errorf("%s: %s does not fit", goal, name)
				}
				if !slices.ContainsFunc(listed, func(marked string) bool { return marked == name || marked[1:] == name }) {
					t.Errorf("%s: %s is not of the goal", goal, name)
				}
			}
			measured := slices.ContainsFunc(listed, func(marked string) bool { return marked[0] == '?' })
			if c, err := ChooseFrom(p, plan); err == nil && !measured && goal != Bits && names[0] != c.Name {
				t.Errorf("%s: %s is chosen, and %s comes first", goal, c.Name, names[0])
			}
		}
	}
}
