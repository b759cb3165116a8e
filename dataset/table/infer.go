package table

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"hinge/dataset"
)

// A column that holds numbers and texts is a column of numbers with faults when
// most cells are numbers and the texts are few: at most fewWords cells, or at
// most one cell in fewShare. Otherwise it is a column of texts.
const (
	fewWords = 5
	fewShare = 10
)

// A text column whose texts mostly occur once names rows (people, tickets, ids)
// instead of describing them: more than manyTexts different ones, in fewer than twice
// as many cells.
const manyTexts = 20

// isText reports whether the column's cells are texts rather than numbers.
func (c *column) isText() bool {
	few := c.words <= fewWords || c.words*fewShare <= c.words+c.numbers
	return c.words > 0 && !(c.numbers > c.words && few)
}

// moment returns the kind of dates or times that all texts of the column are, or "".
func (c *column) moment() dataset.Moment {
	if c.numbers > 0 {
		return ""
	}
	for _, kind := range []dataset.Moment{dataset.Date, dataset.Clock, dataset.DateTime} {
		if !slices.ContainsFunc(c.texts, func(text string) bool { _, ok := kind.Parse(text); return !ok }) {
			return kind
		}
	}
	return ""
}

// infer makes the schema's columns from the features, and leaves out those that
// cannot serve as inputs, with a note.
func (t *reading) infer(r *roles) error {
	forced, err := t.frame.pick("text", t.opts.Text)
	if err != nil {
		return err
	}
	for _, j := range r.features {
		c := t.frame.columns[j]
		column := dataset.Column{Name: c.name}
		switch {
		case c.numbers+c.words == 0:
			t.note("Column %s is empty and left out.", c.name)
			continue
		case slices.Contains(forced, j):
			column.Levels = []string{} // found once the rows are chosen
		case !c.isText():
			t.noteRowName(j)
		case c.moment() != "":
			column.Moment = c.moment()
			unit := map[dataset.Moment]string{dataset.Date: "days since 1970-01-01", dataset.Clock: "seconds since midnight", dataset.DateTime: "seconds since 1970-01-01"}
			t.note("Column %s holds a %s and reads as %s.", c.name, column.Moment, unit[column.Moment])
		default:
			if err := t.checkGrouped(j, "if they are names and no numbers, read them as texts with --text"); err != nil {
				return err
			}
			keep, err := t.checkLevels(j, r.asked)
			if err != nil {
				return err
			}
			if !keep {
				continue
			}
			column.Levels = []string{}
		}
		t.features = append(t.features, j)
		t.schema.Columns = append(t.schema.Columns, column)
	}
	if len(t.features) == 0 {
		return t.frame.noFeatures("no column is left to be an input\n" + strings.Join(t.frame.notes, "\n"))
	}
	return nil
}

// rowName are the names of columns that often only number the rows.
var rowName = regexp.MustCompile(`(?i)^(id|index|row|no|nr|instant|unnamed: 0|.*[ _.-]id)$|^.*[a-z]Id$`)

// noteRowName says so when column j seems to number the rows: its name is one for
// that, and it holds a different whole number in each.
func (t *reading) noteRowName(j int) {
	c := t.frame.columns[j]
	if !rowName.MatchString(c.name) || c.words > 0 || c.missing > 0 {
		return
	}
	seen := make(map[float64]bool, t.frame.n)
	whole := true
	t.frame.each(j, func(_ int, cell float64) {
		seen[cell] = true
		whole = whole && cell == math.Trunc(cell)
	})
	if whole && len(seen) == t.frame.n && t.frame.n > manyTexts {
		t.note("Column %s holds a different whole number in every row, as if it only named the row: --drop %q leaves it out.", c.name, c.name)
	}
}

// checkLevels decides whether text column j is one-hot encoded or left out.
func (t *reading) checkLevels(j int, asked bool) (keep bool, err error) {
	c := t.frame.columns[j]
	count, cells := len(t.levels(j, true)), c.words+c.numbers
	most := t.opts.maxLevels()
	naming := count > manyTexts && 2*count > cells && !asked
	if count <= most && !naming {
		return true, nil
	}
	if asked {
		return false, &Error{Source: t.frame.source, Err: ErrLevels, Count: 1, Cells: []Cell{{Column: c.name, Found: fmt.Sprintf("%d different texts", count)}},
			Hint: fmt.Sprintf("at most %d are encoded, one input each; leave the column out", most)}
	}
	t.note("Column %s is left out: its %d cells hold %d different texts (such as %s), too many for an input each; name it in --features to keep it if they are at most %d.",
		c.name, cells, count, quoteCell(c.texts[0]), most)
	return false, nil
}

// levels returns the different texts of column j, numbers first in their order
// and then texts in theirs, of all rows or of those kept.
func (t *reading) levels(j int, all bool) []string {
	c := t.frame.columns[j]
	words := make([]bool, len(c.texts))
	numbers := make(map[float64]bool)
	t.frame.each(j, func(row int, cell float64) {
		if !all && !t.kept(row) || isMissing(cell) {
			return
		}
		if code, ok := wordOf(cell); ok {
			words[code] = true
		} else {
			numbers[cell+0] = true
		}
	})
	sorted := make([]float64, 0, len(numbers))
	for v := range numbers {
		sorted = append(sorted, v)
	}
	slices.SortFunc(sorted, cmp.Compare)
	levels := make([]string, 0, len(sorted)+len(words))
	for _, v := range sorted {
		levels = append(levels, dataset.FormatNumber(v))
	}
	first := len(levels)
	for code, used := range words {
		if used {
			levels = append(levels, c.texts[code])
		}
	}
	slices.Sort(levels[first:])
	return levels
}

// finishColumns completes the schema's columns from the rows kept: levels, and
// what a missing cell reads as.
func (t *reading) finishColumns() {
	for k, j := range t.features {
		column := &t.schema.Columns[k]
		if column.Levels != nil {
			column.Levels = t.levels(j, false)
			t.note("Column %s holds texts: one input for each of %s but the first.", column.Name, dataset.KnownList(column.Levels))
		}
		if t.opts.missing() == "indicator" && t.frame.columns[j].missing > 0 {
			t.indicate(column, j)
		}
	}
}

// indicate gives a column an indicator of missing cells if a row kept has one,
// and the mean of the others, rounded to float32, in their place.
func (t *reading) indicate(column *dataset.Column, j int) {
	missing, count, mean := 0, 0, 0.0
	c := t.frame.columns[j]
	value := func(cell float64) float64 {
		code, isWord := wordOf(cell)
		if isWord && column.Moment != "" {
			v, _ := column.Moment.Parse(c.texts[code])
			return v
		}
		return cell
	}
	t.frame.each(j, func(row int, cell float64) {
		if !t.kept(row) {
			return
		}
		if isMissing(cell) {
			missing++
		} else if v := value(cell); v-v == 0 { // finite
			count++
			mean += (v - mean) / float64(count)
		}
	})
	column.Indicator = missing > 0
	if missing == 0 || column.Levels != nil {
		return
	}
	column.Fill = mean
	if rounded := float64(float32(mean)); !math.IsInf(rounded, 0) {
		column.Fill = rounded
	}
	t.note("Column %s misses %d cells: they read as the mean %s, and a further input tells them.", column.Name, missing, dataset.FormatNumber(column.Fill))
}
