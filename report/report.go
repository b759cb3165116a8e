// Package report says what was found: every result of hinge is one struct that
// prints itself as text, marshals to JSON and, for a build, draws one HTML page.
//
// For most uses, take the struct that package hinge returns ([Build], [Check],
// [Plan], [Info], [Predictions]), call its Text method for people and
// [WriteJSON] for programs, and [Build.HTML] for the page.
//
// A number stands in one field, is computed in one place, and all three forms
// read it there.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"hinge/dataset"
)

// Data is what a result says about the table it is about.
type Data struct {
	Source string   `json:"source"`
	Task   string   `json:"task"`
	N      int      `json:"n"`      // different rows
	D      int      `json:"d"`      // inputs
	P      int      `json:"p"`      // outputs: targets or classes
	Merged int      `json:"merged"` // further rows, each equal to one of the n
	Notes  []string `json:"notes"`  // what reading did, one sentence each
}

// NewData describes a Set.
func NewData(set *dataset.Set) Data {
	return Data{
		Source: set.Source, Task: string(set.Schema.Task),
		N: set.N(), D: set.D(), P: set.P(),
		Merged: len(set.Merged), Notes: append([]string{}, set.Notes...),
	}
}

func (d *Data) addTo(f *facts) {
	what := several(d.P, "target", "targets") + " (regression)"
	if d.Task == string(dataset.Classification) {
		what = several(d.P, "class", "classes")
	}
	from := ""
	if d.Source != "" {
		from = d.Source + ": "
	}
	f.add("data", "%s%s x %s -> %s", from, several(d.N, "row", "rows"), several(d.D, "input", "inputs"), what)
	if d.Merged > 0 {
		f.add("", "%s merged into an equal one", several(d.Merged, "further row", "further rows"))
	}
	for _, note := range d.Notes {
		f.add("", "%s", note)
	}
}

// WriteJSON writes v as indented JSON and a line feed. A figure that is not
// finite, which JSON cannot write, is an error.
func WriteJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	var number *json.UnsupportedValueError
	if errors.As(err, &number) {
		return fmt.Errorf("report: a figure is %s, which JSON cannot hold: %w", number.Str, err)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
