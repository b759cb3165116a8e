package report

import (
	"fmt"
	"strings"

	"hinge/analyze"
)

// unitsNamed is how many units of a list the text names.
const unitsNamed = 8

// addNotes names units and says what was sampled or left out.
func (a *Analysis) addNotes(f *facts) {
	for k := range a.Layers {
		y := &a.Layers[k]
		if y.Facts == nil {
			continue
		}
		for _, note := range layerNotes(y, a.N, a.Classes) {
			f.add("", "%s: %s", y.Name, note)
		}
	}
}

// layerNotes are sentences about one layer.
func layerNotes(y *analyze.Layer, rows int, classes []string) []string {
	var notes []string
	if y.StructureNotes != "" {
		notes = append(notes, y.StructureNotes)
	}
	if y.Layer >= 0 {
		for _, l := range []struct {
			name  string
			units []int
		}{{"dead", y.DeadUnits}, {"always on", y.AlwaysOnUnits}} {
			if len(l.units) > 0 {
				notes = append(notes, l.name+": "+unitList(l.units))
			}
		}
		for _, group := range y.Duplicates[:min(len(y.Duplicates), 3)] {
			notes = append(notes, "duplicates of each other: "+unitList(group))
		}
	}
	if len(y.Clash.Example) == 2 {
		notes = append(notes, fmt.Sprintf("rows %d and %d need different outputs, and the layer puts out the same for both", y.Clash.Example[0], y.Clash.Example[1]))
	}
	if y.Sample > 0 && y.Sample < rows {
		notes = append(notes, fmt.Sprintf("separability, picture and plane are of a random sample of %s, for the memory allowed", several(y.Sample, "row", "rows")))
	}
	if !y.RankSure && y.Rank != nil && y.Tolerance != nil {
		notes = append(notes, fmt.Sprintf("singular values lie near the tolerance %s: these numbers are rounded too coarsely to know the rank", number(*y.Tolerance)))
	}
	if open := undecided(y, classes); open != "" {
		notes = append(notes, open)
	}
	return append(notes, y.Facts.Notes...)
}

// undecided names the classes whose separability is open, with the best bounds
// of their margins.
func undecided(y *analyze.Layer, classes []string) string {
	var open []string
	for _, s := range y.Separability {
		if s.Verdict != "unknown" {
			continue
		}
		name := fmt.Sprintf("class %d", s.Class)
		if s.Class < len(classes) {
			name = clip(classes[s.Class], 20)
		}
		var known []string
		if s.Upper != nil {
			known = append(known, "margin at most "+atMost(*s.Upper))
		}
		if s.Why != "" && s.Why != analyze.OutOfTime {
			known = append(known, s.Why)
		}
		open = append(open, fmt.Sprintf("%s (%s)", name, strings.Join(known, "; ")))
	}
	if len(open) == 0 {
		return ""
	}
	return "it is open whether these are separable (--patience gives more time): " + listed(open, unitsNamed)
}

// unitList names units as people count them in files: from 0.
func unitList(units []int) string {
	var names []string
	for _, u := range units {
		names = append(names, fmt.Sprint(u))
	}
	if len(names) == 1 {
		return "unit " + names[0]
	}
	return "units " + listed(names, unitsNamed)
}
