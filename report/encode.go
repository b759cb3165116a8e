package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/encode"
)

// Encoding is what an encoder and its decoder are, and what is proved of them.
type Encoding struct {
	Source    string `json:"source"`
	Task      string `json:"task"`
	Precision string `json:"precision"`
	Rows      int    `json:"rows"`
	Inputs    int    `json:"inputs"`
	Dims      int    `json:"dims"`

	Encoder Coder `json:"encoder"`
	Decoder Coder `json:"decoder"`
	// Own is what is proved of the codes, PCA the same of the scores on as many
	// principal directions.
	Own     CodeQuality          `json:"own"`
	PCA     CodeQuality          `json:"pca"`
	Decoded *certify.Certificate `json:"decoded"`
	Notes   []string             `json:"notes"`
	Seconds struct {
		Read   float64 `json:"read"`
		Encode float64 `json:"encode"`
	} `json:"seconds"`

	set  *dataset.Set
	code *encode.Code
}

// Coder is one of the two networks.
type Coder struct {
	File         string `json:"file,omitempty"`
	Bytes        int64  `json:"bytes,omitempty"`
	Construction string `json:"construction"`
	HiddenLayers int    `json:"hidden_layers"`
	Units        int    `json:"units"`
	Parameters   int    `json:"parameters"`
}

// CodeQuality is what codes are worth.
type CodeQuality struct {
	// Margin is at most the least distance between two codes, Stretch at most the
	// least |h_i - h_j| / |x_i - x_j|; the unit is the largest distance from the mean.
	Margin    float64               `json:"margin"`
	Stretch   *float64              `json:"stretch,omitempty"`
	Separable int                   `json:"separable"` // classes that a hyperplane is proved to cut off
	Classes   []encode.ClassVerdict `json:"classes,omitempty"`
	RMSE      float64               `json:"rmse"` // of the reconstruction, in units of the inputs
}

// NewEncoding reports an encoder and its decoder.
func NewEncoding(c *encode.Code) *Encoding {
	r := &Encoding{
		Source: c.Set.Source, Task: string(c.Set.Schema.Task), Precision: c.Encoder.Precision.String(), Rows: c.Set.N(), Inputs: c.Set.D(), Dims: c.Encoder.Outputs(),
		Encoder: Coder{Construction: c.Construction, HiddenLayers: len(c.Encoder.HiddenLayers()), Units: c.Encoder.Units(), Parameters: c.Encoder.Parameters()},
		Decoder: Coder{Construction: "identity", HiddenLayers: len(c.Decoder.HiddenLayers()), Units: c.Decoder.Units(), Parameters: c.Decoder.Parameters()},
		Own:     codeQuality(&c.Own), PCA: codeQuality(&c.PCA), Decoded: c.Decoded, Notes: slices.Concat([]string{}, c.Set.Notes), set: c.Set, code: c,
	}
	return r
}

func codeQuality(q *encode.Quality) CodeQuality {
	r := CodeQuality{Margin: q.Margin, Separable: q.Separable(), Classes: q.Classes, RMSE: q.RMSE}
	if !math.IsNaN(q.Stretch) {
		r.Stretch = &q.Stretch
	}
	return r
}

// Text tells what the codes are, beside PCA.
func (r *Encoding) Text() string {
	var f facts
	f.add("data", "%s: %s x %s -> codes of %s", r.Source, several(r.Rows, "row", "rows"), several(r.Inputs, "input", "inputs"), several(r.Dims, "number", "numbers"))
	f.add("encoder", "%s", r.Encoder.text())
	f.add("decoder", "%s", r.Decoder.text())
	f.add("decoded", "%s", r.decodedText())
	for _, n := range r.Notes {
		f.add("note", "%s", n)
	}
	f.add("time", "read %s, encode %s", seconds(r.Seconds.Read), seconds(r.Seconds.Encode))
	f.b.WriteByte('\n')
	f.grid(r.Table())
	f.add("", "%s", codeNote)
	return f.String()
}

const codeNote = "Distances are in units of the largest distance of a code from the mean; what is said of these codes is proved\nfor every order of summation, and each cut is checked on every row."

func (c *Coder) text() string {
	text := fmt.Sprintf("%s: %s in %s, %s", c.Construction, several(c.Units, "unit", "units"), several(c.HiddenLayers, "hidden layer", "hidden layers"), several(c.Parameters, "parameter", "parameters"))
	if c.File != "" {
		text += fmt.Sprintf("; %s, %s", c.File, fileSize(c.Bytes))
	}
	return text
}

func (r *Encoding) decodedText() string {
	if r.Decoded.Holds && r.Decoded.MaxError == 0 {
		return fmt.Sprintf("every input of every row comes back bit for bit, in %s,\nfrom any code that a runtime can compute", r.Decoded.Arithmetic)
	}
	return fmt.Sprintf("%s of %s; %s", count(r.Decoded.Hit), several(r.Decoded.Rows, "row", "rows"), boundText(r.Decoded))
}

// Table sets the codes beside those of PCA.
func (r *Encoding) Table() [][]string {
	rows := [][]string{
		{"", "these codes", fmt.Sprintf("PCA, %s", several(r.Dims, "direction", "directions"))},
		{"least distance of two codes", atLeast(r.Own.Margin), number(r.PCA.Margin)},
	}
	if r.Own.Stretch != nil {
		rows = append(rows, []string{"least |h_i-h_j| / |x_i-x_j|", atLeast(*r.Own.Stretch), number(*r.PCA.Stretch)})
	}
	if k := len(r.Own.Classes); k > 0 {
		rows = append(rows, []string{"classes cut off by a hyperplane", fmt.Sprintf("%d of %d", r.Own.Separable, k), fmt.Sprintf("%d of %d%s", r.PCA.Separable, k, unknowns(r.PCA.Classes))})
		rows = append(rows, []string{"least distance of a code from its cut", atLeast(leastCut(r.Own.Classes)), codeCutText(r.PCA.Classes)})
	}
	return append(rows, []string{"error of the reconstruction (root mean square)", number(r.Own.RMSE), number(r.PCA.RMSE)})
}

func unknowns(classes []encode.ClassVerdict) string {
	n := 0
	for _, c := range classes {
		if c.Verdict == "unknown" {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d not decided)", n)
}

func codeCutText(classes []encode.ClassVerdict) string {
	if v := leastCut(classes); v > 0 {
		return number(v)
	}
	return "none"
}

// leastCut returns the least margin of all classes.
func leastCut(classes []encode.ClassVerdict) float64 {
	least := math.MaxFloat64
	for _, c := range classes {
		least = min(least, c.Margin)
	}
	return least
}

//go:embed encode.html
var encodeText string

var encodeTemplate = newTemplate("encode", encodeText)

// encodePage is an encoding as one HTML file that loads nothing.
type encodePage struct {
	*Encoding
	Figures []*Picture
	Legend  template.HTML
}

// WriteHTML writes the encoding as one page, with pictures of the codes.
func (r *Encoding) WriteHTML(w io.Writer) error {
	p := &encodePage{Encoding: r, Legend: legend(r.set)}
	own := r.codePicture("The code", r.code.Codes, "the rows, where the encoder puts them")
	pca := r.codePicture("PCA of the same rows", r.code.PCA.Codes, "the rows, by their scores on the leading principal directions")
	for k, picture := range []*Picture{own, pca} {
		picture.SVG = numbered(picture.SVG, k+1)
		p.Figures = append(p.Figures, picture)
	}
	return encodeTemplate.Execute(w, p)
}

// SourceName, DecodedText, EncoderText and DecoderText put the page in words.
func (p *encodePage) SourceName() string  { return baseNames(p.Source) }
func (p *encodePage) DecodedText() string { return p.decodedText() }
func (p *encodePage) EncoderText() string { return p.Encoder.text() }
func (p *encodePage) DecoderText() string { return p.Decoder.text() }

// Verdict is the page's first sentence.
func (p *encodePage) Verdict() string {
	text := fmt.Sprintf("%s as %s each", several(p.Rows, "row", "rows"), several(p.Dims, "number", "numbers"))
	if p.Decoded.Holds && p.Decoded.MaxError == 0 {
		text += ", and back bit for bit"
	}
	return text + "."
}

// codePicture draws codes by their first two numbers, or those of one number
// along a line, a line of text for each class.
func (r *Encoding) codePicture(title string, codes *mat.Dense, what string) *Picture {
	_, q := codes.Dims()
	rows := sample(r.Rows, maxPoints)
	x0, x1 := span(codes, 0, 0.04)
	c := newCanvas(420, x0, x1, 0, 1)
	classes := r.set.IsClasses()
	switch {
	case q > 1:
		c.y0, c.y1 = span(codes, 1, 0.04)
	case classes:
		c.y0, c.y1 = -0.7, float64(r.set.P())-0.3
	}
	c.addf(`<g class="points faint">`)
	for k, i := range rows {
		colour, y := css(classColors[0]), 0.5+0.6*(math.Mod(float64(k)*0.6180339887498949, 1)-0.5)
		if classes {
			colour, y = css(classColor(r.set.Class[i])), float64(r.set.Class[i])
		}
		if q > 1 {
			y = codes.At(i, 1)
		}
		c.point(codes.At(i, 0), y, 1.6, colour)
	}
	c.addf(`</g>`)
	if q > 1 {
		c.axes("first number", "second number")
	} else {
		y0, y1 := c.y0, c.y1
		c.y0, c.y1 = math.NaN(), math.NaN()
		c.axes("the number", "")
		c.y0, c.y1 = y0, y1
		if classes {
			c.classTicks(r.set.Schema.Classes)
		}
	}
	caption := capital(counted(len(rows), r.Rows, "row", "rows")) + ": " + what + "."
	return &Picture{Title: title, SVG: c.svg(caption), Caption: caption}
}
