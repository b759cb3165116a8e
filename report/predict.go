package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// Predictions is what a network answers on the rows of a table.
type Predictions struct {
	Columns   []string     `json:"columns"` // names of the outputs
	Classes   bool         `json:"classes"` // the columns are classes
	Precision string       `json:"precision"`
	Rows      []Prediction `json:"rows"`
	Notes     []string     `json:"notes"`
}

// Prediction is the answer on one row. A row that could not be read through the
// schema has no outputs.
type Prediction struct {
	Row     int       `json:"row"`
	Outputs []float64 `json:"outputs"`
	Class   string    `json:"class,omitempty"`
}

// NewPredictions names the outputs (n x p) of a network as its schema says.
// Rows are numbered from 1.
func NewPredictions(net *network.Network, out *mat.Dense) *Predictions {
	answer := &Predictions{Precision: net.Precision.String(), Rows: []Prediction{}, Notes: []string{}}
	schema := SchemaOf(net)
	switch {
	case schema == nil:
		for j := 1; j <= net.Outputs(); j++ {
			answer.Columns = append(answer.Columns, fmt.Sprintf("y%d", j))
		}
	case schema.Task == dataset.Classification:
		answer.Columns, answer.Classes = schema.Classes, true
	default:
		answer.Columns = schema.Targets
	}
	n, _ := out.Dims()
	for i := range n {
		row := Prediction{Row: i + 1, Outputs: out.RawRowView(i)}
		if answer.Classes {
			row.Class = answer.Columns[winner(row.Outputs)]
		}
		answer.Rows = append(answer.Rows, row)
	}
	return answer
}

// classColumn is the name of the column that holds the winning class.
const classColumn = "class"

// WriteCSV writes one line per row: the outputs and, for classes, the class.
// Numbers read back as themselves in the network's precision.
func (p *Predictions) WriteCSV(w io.Writer) error {
	bits := 64
	if p.Precision == "float32" {
		bits = 32
	}
	out := csv.NewWriter(w)
	header := append([]string{}, p.Columns...)
	if p.Classes {
		header = append(header, classColumn)
	}
	if err := out.Write(header); err != nil {
		return err
	}
	line := make([]string, len(header))
	for _, row := range p.Rows {
		for j := range line {
			line[j] = ""
		}
		for j, v := range row.Outputs {
			line[j] = strconv.FormatFloat(v, 'g', -1, bits)
		}
		if p.Classes {
			line[len(line)-1] = row.Class
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Place gives the answers the numbers of the data rows they belong to, and puts
// an answer without outputs where a row was skipped, in the order of the rows.
func (p *Predictions) Place(rows, skipped []int) {
	for k := range p.Rows {
		p.Rows[k].Row = rows[k]
	}
	for _, row := range skipped {
		p.Rows = append(p.Rows, Prediction{Row: row})
	}
	slices.SortStableFunc(p.Rows, func(a, b Prediction) int { return a.Row - b.Row })
}
