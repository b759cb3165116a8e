package table

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
)

// An encoder turns the cells of one column into inputs, by the schema.
type encoder struct {
	schema *dataset.Column
	column *column
	from   int       // the frame's column
	at     int       // the first input
	width  int       // how many inputs
	level  []int     // level of every text of the column; -1: unknown
	moment []float64 // number of every text of the column; NaN: no moment of this kind
	number map[float64]int
	faults *faults
}

// faults collects what cannot be encoded, an Error for each kind.
type faults struct {
	source string
	kinds  []*Error
}

// add counts a fault of a kind.
func (f *faults) add(kind error, hint string, row int, column, found string) {
	for _, e := range f.kinds {
		if e.Err == kind {
			e.add(row, column, found)
			return
		}
	}
	e := &Error{Source: f.source, Err: kind, Hint: hint}
	e.add(row, column, found)
	f.kinds = append(f.kinds, e)
}

// err returns the kind that was found first, or nil.
func (f *faults) err() error {
	if len(f.kinds) == 0 {
		return nil
	}
	return f.kinds[0]
}

func newEncoder(t *reading, k, at int, found *faults) *encoder {
	e := &encoder{schema: &t.schema.Columns[k], from: t.features[k], at: at, faults: found}
	e.column = t.frame.columns[e.from]
	e.width = e.schema.Inputs()
	switch {
	case e.schema.Levels != nil:
		e.level, e.number = indexLevels(e.schema.Levels, e.column)
	case e.schema.Moment != "":
		e.moment = make([]float64, len(e.column.texts))
		for code, text := range e.column.texts {
			value, ok := e.schema.Moment.Parse(text)
			if !ok {
				value = math.NaN()
			}
			e.moment[code] = value
		}
	}
	return e
}

// indexLevels returns the index in levels of every text of a column, or -1, and
// that of every level that is a number.
func indexLevels(levels []string, c *column) (words []int, numbers map[float64]int) {
	index := make(map[string]int, len(levels))
	numbers = make(map[float64]int)
	for i, level := range levels {
		index[level] = i
		if v, ok := dataset.ParseNumber(level); ok {
			numbers[v] = i
		}
	}
	words = make([]int, len(c.texts))
	for code, text := range c.texts {
		words[code] = -1
		if i, ok := index[text]; ok {
			words[code] = i
		}
	}
	return words, numbers
}

// encode writes the column's inputs of one row.
func (e *encoder) encode(dst []float64, cell float64, row int) {
	switch code, word := wordOf(cell); {
	case isMissing(cell):
		if e.schema.Indicator {
			e.schema.EncodeMissing(dst)
		} // rows with other gaps are left out or refused before
	case e.level != nil:
		level, ok := e.number[cell]
		if word {
			level, ok = e.level[code], e.level[code] >= 0
		}
		if !ok {
			e.faults.add(ErrLevel, "the network was built with "+dataset.KnownList(e.schema.Levels), row, e.schema.Name, e.column.display(cell))
		} else if level > 0 {
			dst[level-1] = 1
		}
	case word && e.moment != nil && e.moment[code] == e.moment[code]:
		dst[0] = e.moment[code]
	case word || e.moment != nil:
		hint := "correct the cells; or leave the column out with --drop; or, if the column holds categories, read it as texts with --text"
		if e.moment != nil {
			hint = "the column holds a " + string(e.schema.Moment) + " in ISO form"
		} else if word {
			hint = numberHint(e.schema.Name, e.column.texts[code], hint)
		}
		e.faults.add(ErrNotNumber, hint, row, e.schema.Name, e.column.display(cell))
	case math.IsInf(cell, 0):
		e.faults.add(ErrNotFinite, "correct the cells, or leave them empty and choose --missing drop or indicator", row, e.schema.Name, e.column.display(cell))
	default:
		dst[0] = cell
	}
}

// encode returns the inputs (count x d) and targets of the rows kept: numbers y
// (count x p), or class indices. It takes the frame's blocks apart as it goes,
// so that the table is in memory twice for no longer than a moment.
func (t *reading) encode() (x, y *mat.Dense, class []int, err error) {
	found := &faults{source: t.frame.source}
	var encoders []*encoder
	width := 0
	for k := range t.features {
		encoders = append(encoders, newEncoder(t, k, width, found))
		width += encoders[k].width
	}
	if width == 0 {
		return nil, nil, nil, t.frame.noFeatures("every text column holds one text only")
	}
	x = mat.NewDense(t.count, width, nil)
	targets := newTargets(t, found)
	at := 0
	for k := range t.frame.blocks {
		b := t.frame.blocks[k]
		for _, e := range encoders {
			t.encodeBlock(e, b, x, at)
		}
		at += targets.encode(t, b, at)
		t.frame.blocks[k].cells = nil
	}
	return x, targets.y, targets.class, found.err()
}

// encodeBlock writes the inputs of one column for one block, from row at of x.
func (t *reading) encodeBlock(e *encoder, b block, x *mat.Dense, at int) {
	raw := x.RawMatrix()
	for i, cell := range b.cells[e.from] {
		if !t.kept(b.first + i) {
			continue
		}
		start := at*raw.Stride + e.at
		if e.width == 1 && cell-cell == 0 && e.level == nil && e.moment == nil {
			raw.Data[start] = cell
		} else {
			e.encode(raw.Data[start:start+e.width], cell, b.first+i+1)
		}
		at++
	}
}

// targets are the targets as they are encoded.
type targets struct {
	y      *mat.Dense
	class  []int
	level  []int
	number map[float64]int
	faults *faults
}

func newTargets(t *reading, found *faults) *targets {
	s := &targets{faults: found}
	switch {
	case len(t.targets) == 0:
	case t.schema.Task == dataset.Classification:
		s.class = make([]int, t.count)
		s.level, s.number = indexLevels(t.schema.Classes, t.frame.columns[t.targets[0]])
	default:
		s.y = mat.NewDense(t.count, len(t.targets), nil)
	}
	return s
}

// encode writes the targets of a block, from row at, and returns how many rows
// of it are kept.
func (s *targets) encode(t *reading, b block, at int) (rows int) {
	for i := range b.end() - b.first {
		if !t.kept(b.first + i) {
			continue
		}
		for k, j := range t.targets {
			cell, c := b.cells[j][i], t.frame.columns[j]
			if s.class != nil {
				s.class[at+rows] = s.classOf(t, c, cell, b.first+i+1)
				continue
			}
			if code, word := wordOf(cell); word {
				s.faults.add(ErrNotNumber, numberHint(c.name, c.texts[code], "correct the cells, or choose --task classification"), b.first+i+1, c.name, c.display(cell))
			} else if math.IsInf(cell, 0) {
				s.faults.add(ErrNotFinite, "correct the cells, or leave them empty and choose --missing drop", b.first+i+1, c.name, c.display(cell))
			}
			s.y.Set(at+rows, k, cell)
		}
		rows++
	}
	return rows
}

func (s *targets) classOf(t *reading, c *column, cell float64, row int) int {
	class, ok := s.number[cell]
	if code, word := wordOf(cell); word {
		class, ok = s.level[code], s.level[code] >= 0
	}
	if !ok {
		s.faults.add(ErrLevel, "the classes of the network are "+dataset.KnownList(t.schema.Classes), row, c.name, c.display(cell))
	}
	return max(class, 0)
}
