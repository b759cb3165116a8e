package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// built returns a small build with everything in it.
func built(t *testing.T, set *dataset.Set, name string) (*Build, *construct.Problem, *network.Network) {
	t.Helper()
	p := &construct.Problem{Set: set, Tolerance: 1e-6, Goal: construct.Fit}
	net, err := construct.BuildNamed(p, name)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := certify.Certify(net, set, certify.Options{Tolerance: p.Tolerance})
	if err != nil {
		t.Fatal(err)
	}
	b := NewBuild(p, name, net, cert)
	if b.Phi, err = DescribePhi(net, set); err != nil {
		t.Fatal(err)
	}
	b.Why = Why(p.Goal, "")
	return b, p, net
}

// TestTextAndJSONSayTheSame: the figures of the text are those of the JSON.
func TestTextAndJSONSayTheSame(t *testing.T) {
	b, _, _ := built(t, dataset.RandomReal(1234, 3, 1, 1), "sorted")
	var buf bytes.Buffer
	if err := WriteJSON(&buf, b); err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(buf.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"construction", "task", "n", "d", "p", "hidden_layers", "units", "parameters", "limit", "ratio",
		"precision", "tolerance", "certificate", "phi", "seconds", "seed"} {
		if _, ok := fields[key]; !ok {
			t.Errorf("the JSON has no field %s", key)
		}
	}
	text := b.Text()
	for _, want := range []string{"1,234 rows", count(int(fields["units"].(float64))), count(int(fields["parameters"].(float64))), "holds: 1,234 of 1,234"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text does not say %q:\n%s", want, text)
		}
	}
}

func TestWriteJSONRefusesWhatJSONCannotHold(t *testing.T) {
	for _, v := range []float64{math.Inf(1), math.NaN()} {
		var buf bytes.Buffer
		if err := WriteJSON(&buf, &Build{Ratio: v}); err == nil || buf.Len() > 0 {
			t.Errorf("%v: error %v, %d bytes written", v, err, buf.Len())
		}
	}
}

func TestMissesCountMergedRows(t *testing.T) {
	c := &certify.Certificate{Missed: []certify.Miss{{Row: 7, Want: 1.0, Got: 2.0}, {Row: 9}}}
	got := Misses(c, []dataset.Merge{{Row: 12, Into: 7}, {Row: 3, Into: 2}, {Row: 8, Into: 7}})
	var rows []int
	for _, m := range got {
		rows = append(rows, m.Row)
	}
	if want := []int{7, 8, 9, 12}; len(rows) != 4 || rows[0] != want[0] || rows[1] != want[1] || rows[2] != want[2] || rows[3] != want[3] {
		t.Errorf("missed rows %v, want %v", rows, want)
	}
	if got[3].Want != 1.0 || got[3].Got != 2.0 {
		t.Errorf("the merged row says %v", got[3])
	}
}

func TestCheckListsTheMissedRows(t *testing.T) {
	c := &Check{Network: "n", Rows: 100, Hit: 70, Certificate: &certify.Certificate{Task: "regression", MaxError: 0.5, Tolerance: 1e-6}}
	for row := 1; row <= 30; row++ {
		c.Missed = append(c.Missed, Miss{Row: row, Want: []float64{1.5}, Got: []float64{2.25}})
	}
	text := c.Text()
	for _, want := range []string{"70 of 100 rows", "... and 10 more rows", "NO: 30 rows are not hit", "1.5", "2.25"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text does not say %q:\n%s", want, text)
		}
	}
}

func TestAdvice(t *testing.T) {
	set := dataset.RandomReal(60, 2, 1, 1)
	p := &construct.Problem{Set: set, Precision: network.Float32, Tolerance: 1e-6, Goal: construct.Fit}
	cert := &certify.Certificate{Task: "regression", MaxError: 0.0123}
	list := Advice(p, construct.Plan(p), "sorted", cert)
	text := strings.Join(list, "\n")
	for _, want := range []string{"--tolerance 0.013:", "--precision float64", "--construction identity"} {
		if !strings.Contains(text, want) {
			t.Errorf("no advice %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "--construction sorted") {
		t.Error("the construction that failed is advised")
	}
}

func TestPlanMarksTheChoice(t *testing.T) {
	p := &construct.Problem{Set: dataset.RandomReal(60, 2, 1, 1), Tolerance: 1e-6, Goal: construct.SizeGoal}
	plan := NewPlan(p)
	marked := 0
	for _, line := range strings.Split(plan.Text(), "\n") {
		if strings.HasPrefix(line, "->") {
			marked++
			if !strings.Contains(line, plan.Choice) {
				t.Errorf("the mark stands at %q, the choice is %s", line, plan.Choice)
			}
		}
	}
	if marked != 1 {
		t.Errorf("%d marks", marked)
	}
	for _, e := range plan.Constructions {
		if !strings.Contains(plan.Text(), e.Name) {
			t.Errorf("%s is not listed", e.Name)
		}
	}
}

// TestPageIsOneSafeFile: nothing is loaded from elsewhere, and names of columns
// and classes cannot put markup into the page.
func TestPageIsOneSafeFile(t *testing.T) {
	const hostile = `<script>alert("x")</script>`
	for name, set := range map[string]*dataset.Set{
		"regression": dataset.RandomReal(40, 2, 1, 1), "classes": dataset.RandomClasses(40, 2, 3, 1), "projection": dataset.RandomClasses(40, 4, 3, 1),
	} {
		set.Source = hostile
		set.Schema.Columns[0].Name = hostile
		set.Schema.Targets = []string{hostile}
		if set.IsClasses() {
			set.Schema.Classes[0] = hostile
		}
		set.Notes = append(set.Notes, hostile)
		b, p, net := built(t, set, "identity")
		b.Command = hostile
		var buf bytes.Buffer
		if err := NewPage(b, p, net).WriteHTML(&buf); err != nil {
			t.Fatal(err)
		}
		page := buf.String()
		for _, bad := range []string{"<script", `src="http`, `href="http`, "<link", "@import", "ZgotmplZ"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s: the page holds %q", name, bad)
			}
		}
		for _, want := range []string{"Every one of 40 rows is hit", "prefers-color-scheme: dark", b.Certificate.Network, b.Certificate.Data, "identity"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page does not hold %q", name, want)
			}
		}
	}
}

func TestPageWithoutCertificate(t *testing.T) {
	b, p, net := built(t, dataset.RandomReal(40, 2, 1, 1), "identity")
	cert := *b.Certificate
	cert.Holds, cert.Hit = false, 38
	cert.Missed = []certify.Miss{{Row: 4, Want: []float64{0.5}, Got: []float64{0.75}}, {Row: 11}}
	b.Certificate, b.Advice = &cert, []string{"--tolerance 0.5"}
	var buf bytes.Buffer
	if err := NewPage(b, p, net).WriteHTML(&buf); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"There is no certificate", "38 of 40", "--tolerance 0.5", "0.75"} {
		if !strings.Contains(buf.String(), want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
}

func TestPredictionsReadBack(t *testing.T) {
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		net := &network.Network{Precision: precision, Layers: []network.Layer{{Map: network.NewDense(2, 1, []float64{1, 2})}}}
		out := mat.NewDense(3, 2, []float64{1.0 / 3, 1e-30, -2, 1e17, 0.1, 5})
		out.Apply(func(_, _ int, v float64) float64 { return precision.Round(v) }, out)
		p := NewPredictions(net, out)
		p.Place([]int{1, 3, 4}, []int{2})
		var buf bytes.Buffer
		if err := p.WriteCSV(&buf); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&buf).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) != 5 || lines[0][0] != "y1" || lines[2][0] != "" {
			t.Fatalf("lines %v", lines)
		}
		for i, line := range [][]string{lines[1], lines[3], lines[4]} {
			for j, cell := range line {
				v, err := strconv.ParseFloat(cell, 64)
				if err != nil || precision.Round(v) != out.At(i, j) {
					t.Errorf("%v: %s for %v", precision, cell, out.At(i, j))
				}
			}
		}
	}
}

func TestStored(t *testing.T) {
	b, _, net := built(t, dataset.RandomReal(20, 2, 1, 1), "identity")
	set := dataset.RandomReal(20, 2, 1, 1)
	if got := Stored(net, b.Network, ""); got != StoredNone {
		t.Errorf("without notes: %s", got)
	}
	if err := WriteMeta(net, set, b); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ network, data, want string }{
		{b.Network, b.Certificate.Data, StoredSame}, {b.Network, "", StoredIntact},
		{b.Network, "other", StoredOther}, {"other", b.Certificate.Data, StoredChanged},
	} {
		if got := Stored(net, c.network, c.data); got != c.want {
			t.Errorf("stored %q, want %q", got, c.want)
		}
		if StoredText(c.want) == "" {
			t.Errorf("no words for %q", c.want)
		}
	}
	if s := SchemaOf(net); s == nil || len(s.Columns) != 2 || ToleranceOf(net) != 1e-6 {
		t.Errorf("schema %v, tolerance %v", s, ToleranceOf(net))
	}
	net.Meta[MetaSchema] = `{"task":"regression","columns":[{"name":"only"}],"targets":["y"]}`
	if SchemaOf(net) != nil {
		t.Error("a schema of one column is believed for two inputs")
	}
	net.Meta[MetaTolerance] = "-1"
	if ToleranceOf(net) != 0 {
		t.Error("a negative tolerance is believed")
	}
}
