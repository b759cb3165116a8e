package report

import (
	"fmt"
	"strings"

	"hinge/construct"
)

// WhyForest says what a compiled forest was, and what of it had to be decided.
func WhyForest(f *construct.ForestFacts) string {
	text := fmt.Sprintf("compiled from a forest of %s: %s, %s, %s", f.Tool,
		several(f.Trees, "tree", "trees"), several(f.Leaves, "leaf", "leaves"), several(f.Splits, "different split", "different splits"))
	lines := []string{text}
	if f.Ties > 0 && f.Handicap > 0 {
		lines = append(lines, fmt.Sprintf("%s: the first class wins, as in the forest, by a handicap of %s for each later one", several(f.Ties, "row is a tie", "rows are ties"), number(f.Handicap)))
	}
	if f.Decided > 0 {
		lines = append(lines, several(f.Decided, "row is", "rows are")+" too close to call: the forest's own rounding decides, which the network repeats by gates on their boxes")
	}
	if f.Widened > 0 {
		lines = append(lines, several(f.Widened, "split lies", "splits lie")+" so near 0 that the ramp is wider than one step of the arithmetic")
	}
	return strings.Join(append(lines, f.Notes...), "\n")
}
