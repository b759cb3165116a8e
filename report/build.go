package report

import (
	"fmt"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/phi"
)

// Seconds is where a build spent its time.
type Seconds struct {
	Read    float64 `json:"read"`
	Build   float64 `json:"build"`
	Certify float64 `json:"certify"`
	Write   float64 `json:"write"`
}

// Build is the outcome of building a network for a table.
type Build struct {
	Data
	Construction string          `json:"construction"`
	Title        string          `json:"title"` // what the construction builds, in one line
	Why          string          `json:"why"`   // why it was chosen
	Goal         string          `json:"for"`
	HiddenLayers int             `json:"hidden_layers"`
	Units        int             `json:"units"`
	Parameters   int             `json:"parameters"`
	Limit        construct.Limit `json:"limit"`
	Ratio        float64         `json:"ratio"` // units, or parameters where there are none to compare, over the limit; 0 without one
	Precision    string          `json:"precision"`
	Tolerance    float64         `json:"tolerance"`
	Dense        bool            `json:"dense"`

	Forest *construct.ForestFacts `json:"forest,omitempty"` // of a compiled forest
	Trials []construct.Trial      `json:"trials,omitempty"` // what the choice of the construction measured

	Certificate *certify.Certificate `json:"certificate"`
	Advice      []string             `json:"advice"` // without a certificate: what would hold
	Phi         *phi.Facts           `json:"phi"`    // of the last hidden layer
	Seconds     Seconds              `json:"seconds"`
	Seed        uint64               `json:"seed"`
	Network     string               `json:"network"`         // SHA-256 of the network
	File        string               `json:"file,omitempty"`  // where it was written; empty: it was not
	Bytes       int64                `json:"bytes,omitempty"` // the file's size

	Command string `json:"command,omitempty"` // a command line that builds the same file
}

// Text tells the build in a dozen lines.
func (b *Build) Text() string {
	var f facts
	b.Data.addTo(&f)
	f.add("construction", "%s, %s", b.Construction, b.Title)
	if b.Why != "" {
		f.add("", "%s", b.Why)
	}
	f.add("network", "%s", b.sizeText())
	if text := b.limitText(); text != "" {
		f.add("limit", "%s", text)
	}
	if text := b.phiText(); text != "" {
		f.add("phi", "%s", text)
	}
	f.add("certificate", "%s", CertificateText(b.Certificate))
	for i, advice := range b.Advice {
		name := ""
		if i == 0 {
			name = "would hold"
		}
		f.add(name, "%s", advice)
	}
	f.add("time", "%s", b.timeText())
	if b.File != "" {
		f.add("wrote", "%s (%s)", b.File, fileSize(b.Bytes))
	}
	return f.String()
}

func (b *Build) sizeText() string {
	if b.HiddenLayers == 0 {
		return fmt.Sprintf("affine: no hidden unit, %s, %s", several(b.Parameters, "parameter", "parameters"), b.Precision)
	}
	dense := ""
	if b.Dense {
		dense = ", written out dense"
	}
	return fmt.Sprintf("%s, %s, %s, %s%s", several(b.HiddenLayers, "hidden layer", "hidden layers"), several(b.Units, "unit", "units"),
		several(b.Parameters, "parameter", "parameters"), b.Precision, dense)
}

func (b *Build) limitText() string {
	return limitText(b.Limit, b.Units, b.Ratio)
}

func limitText(l construct.Limit, units int, times float64) string {
	if l.Units <= 0 && l.Parameters <= 0 {
		return ""
	}
	least := several(l.Units, "unit", "units")
	if l.Units <= 0 {
		least = several(l.Parameters, "parameter", "parameters")
	} else if l.Parameters > 0 {
		least += ", " + several(l.Parameters, "parameter", "parameters")
	}
	text := "at least " + least
	if l.Name != "" {
		text += " (" + l.Name + ")"
	}
	if times > 0 {
		text += "; this network: " + ratio(times)
	}
	return text
}

// phiText says what the interpolation matrix is like; empty without hidden units.
func (b *Build) phiText() string {
	p := b.Phi
	if p == nil || p.Units == 0 {
		return ""
	}
	text := fmt.Sprintf("%s x %s, %s", several(p.Rows, "row", "rows"), several(p.Units, "unit", "units"), p.Kind)
	if p.Rank != nil {
		text += ", rank " + count(*p.Rank)
	}
	if p.Kind != phi.UnknownKind {
		text += fmt.Sprintf(", density %s", number(p.Density))
	}
	if p.Class != "" && p.Class != phi.UnknownClass {
		text += fmt.Sprintf("; %s, %s parameterised", p.Class, p.Size)
	}
	return text
}

func (b *Build) timeText() string {
	s := b.Seconds
	return fmt.Sprintf("read %s, build %s, certify %s, write %s", seconds(s.Read), seconds(s.Build), seconds(s.Certify), seconds(s.Write))
}

// CertificateText says what a certificate proves, in a line or two.
func CertificateText(c *certify.Certificate) string {
	if c == nil {
		return "none"
	}
	verdict := "holds"
	if !c.Holds {
		verdict = "DOES NOT HOLD"
	}
	text := fmt.Sprintf("%s: %s of %s rows proved; %s\nin %s", verdict, count(c.Hit), count(c.Rows), boundText(c), c.Arithmetic)
	if c.Method != "" {
		text += "\nby " + c.Method
	}
	return text
}

// boundText says how far from the targets the proof keeps every row.
func boundText(c *certify.Certificate) string {
	if c.Task == string(dataset.Classification) {
		if c.MinMargin > 0 {
			return "the right class wins by " + atLeast(c.MinMargin) + " at least"
		}
		return "least margin proved " + atLeast(c.MinMargin)
	}
	if c.MaxError == 0 {
		return "error 0: every value comes back bit for bit"
	}
	return fmt.Sprintf("error at most %s of the range (allowed %s)", atMost(c.MaxError), exact(c.Tolerance))
}
