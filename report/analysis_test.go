package report

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/analyze"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// analysed returns the analysis of a built network, one of classes and one of
// regression.
func analysed(t *testing.T, set *dataset.Set, name string) *Analysis {
	t.Helper()
	net, err := construct.BuildNamed(&construct.Problem{Set: set, Tolerance: 1e-6}, name)
	if err != nil {
		t.Fatal(err)
	}
	a, err := analyze.Network(context.Background(), net, set, analyze.Options{Rows: []int{2}})
	if err != nil {
		t.Fatal(err)
	}
	r := NewAnalysis(set, a)
	r.Network, r.Source = "folder/net.onnx", "folder/rows.csv"
	return r
}

func analyses(t *testing.T) []*Analysis {
	return []*Analysis{
		analysed(t, dataset.RandomReal(60, 3, 1, 1), "sorted"),
		analysed(t, dataset.Moons(80, 0.1, 2), "features"),
	}
}

func TestAnalysisTextAndJSONSayTheSame(t *testing.T) {
	for _, a := range analyses(t) {
		var buf bytes.Buffer
		if err := WriteJSON(&buf, a); err != nil {
			t.Fatal(err)
		}
		var back struct {
			N        int      `json:"n"`
			Task     string   `json:"task"`
			Notes    []string `json:"notes"`
			Complete bool     `json:"complete"`
			Layers   []struct {
				Name     string    `json:"name"`
				Rank     int       `json:"rank"`
				Patterns int       `json:"patterns"`
				Spectrum []float64 `json:"spectrum"`
			} `json:"layers"`
			Last struct {
				Hit       int `json:"hit"`
				Memorised struct {
					Rows []struct{ Row int } `json:"rows"`
				} `json:"memorised"`
			} `json:"last"`
		}
		if err := json.Unmarshal(buf.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		if back.N != a.N || back.Task == "" || back.Notes == nil || !back.Complete || len(back.Layers) != 2 || len(back.Layers[1].Spectrum) == 0 {
			t.Errorf("JSON of %s: %+v", a.Task, back)
		}
		text := a.Text()
		for _, want := range []string{count(back.Layers[1].Rank), count(back.Layers[1].Patterns), count(back.Last.Hit) + " of", "row 2"} {
			if !strings.Contains(text, want) {
				t.Errorf("the text of %s does not say %q:\n%s", a.Task, want, text)
			}
		}
	}
}

// The page loads nothing, closes what it opens, and every link has its end.
func TestAnalysisPage(t *testing.T) {
	for _, a := range analyses(t) {
		var buf bytes.Buffer
		if err := a.WriteHTML(&buf); err != nil {
			t.Fatal(err)
		}
		page := buf.String()
		for _, banned := range []string{"http://", "https://", "<script", "<link", "@import", "NaN", "ZgotmplZ", "<no value>", "%!"} {
			if strings.Contains(page, banned) {
				t.Errorf("the page of %s has %q", a.Task, banned)
			}
		}
		ids := map[string]int{}
		for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
			ids[m[1]]++
		}
		for id, times := range ids {
			if times > 1 {
				t.Errorf("id %s stands %d times", id, times)
			}
		}
		links := regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1)
		if len(links) < 20 {
			t.Errorf("%d links into the words", len(links))
		}
		for _, m := range links {
			if ids[m[1]] == 0 {
				t.Errorf("nothing has the id %s", m[1])
			}
		}
		if n := strings.Count(page, "<figure>"); n != strings.Count(page, "</figure>") || n != 6 {
			t.Errorf("%d figures; want spectrum, density, and two per layer", n)
		}
	}
}

// Every word of the page is one of the glossary.
func TestPageWordsAreInTheGlossary(t *testing.T) {
	text, err := os.ReadFile("../docs/glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	var anchors []string
	for _, w := range words {
		if !strings.Contains(string(text), "**"+w.Term+"**") {
			t.Errorf("docs/glossary.md does not have %q", w.Term)
		}
		anchors = append(anchors, w.Anchor)
	}
	for _, fact := range layerFacts {
		if !slices.Contains(anchors, fact.Anchor) {
			t.Errorf("the line %q points to %q, which is no word", fact.Name, fact.Anchor)
		}
	}
}

func TestStoppedAnalysisSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	net := &network.Network{Layers: []network.Layer{{Map: network.NewDense(1, 2, []float64{1, 2})}}}
	set, err := dataset.New(mat.NewDense(3, 2, []float64{1, 2, 3, 4, 5, 7}), mat.NewDense(3, 1, []float64{1, 2, 3}))
	if err != nil {
		t.Fatal(err)
	}
	inner, err := analyze.Network(ctx, net, set, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := NewAnalysis(set, inner)
	if text := a.Text(); !strings.Contains(text, "INCOMPLETE") {
		t.Errorf("the text does not say that it is incomplete:\n%s", text)
	}
	var page, js bytes.Buffer
	if err := a.WriteHTML(&page); err != nil || !strings.Contains(page.String(), "stopped") {
		t.Errorf("page of a stopped analysis: %v", err)
	}
	if err := WriteJSON(&js, a); err != nil || !strings.Contains(js.String(), `"complete": false`) {
		t.Errorf("JSON of a stopped analysis: %v\n%s", err, js.String())
	}
}

func TestComparisonSaysItsGrade(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		same  string
		form  *bool
		equal bool
		want  string
	}{
		{analyze.SameBits, &yes, true, "bit for bit"},
		{analyze.SameValues, &no, true, "up to rounding"},
		{analyze.SameDecisions, nil, false, "the largest is the same one"},
		{analyze.Different, &no, false, "different functions"},
	} {
		r := &Comparison{Comparison: &analyze.Comparison{Same: c.same, SameForm: c.form, Rows: 3, Outputs: [2]int{2, 2},
			Layers: []analyze.LayerPair{{Number: 1, Units: [2]int{2, 3}, Matched: 2, OnlyB: []int{1}}}}}
		if text := r.Text(); !strings.Contains(text, c.want) || !strings.Contains(text, "unit 1") || r.Equal() != c.equal {
			t.Errorf("%s: equal %v\n%s", c.same, r.Equal(), text)
		}
	}
}

// Classes that are open are named with what is known of them.
func TestUndecidedClassesAreNamed(t *testing.T) {
	bound := 0.25
	y := &analyze.Layer{Separability: []analyze.Separability{
		{Class: 0, Verdict: "inseparable"},
		{Class: 1, Verdict: "unknown", Upper: &bound, Why: analyze.OutOfTime},
		{Class: 2, Verdict: "unknown", Why: "stopped"}}}
	got := undecided(y, []string{"cat", "dog"})
	if !strings.Contains(got, "dog (margin at most 0.25), class 2 (stopped)") || strings.Contains(got, "cat") {
		t.Errorf("%q", got)
	}
	if got := undecided(&analyze.Layer{}, nil); got != "" {
		t.Errorf("nothing open: %q", got)
	}
}
