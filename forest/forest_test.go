package forest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const python = "/usr/bin/python3"

// dump is the function of the package comment.
func dump(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("forest.go")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(source), "//\timport json\n")
	if !found {
		t.Fatal("the package comment shows no Python")
	}
	var lines []string
	for line := range strings.Lines(text) {
		code, is := strings.CutPrefix(line, "//\t")
		if !is {
			break
		}
		lines = append(lines, code)
	}
	return "import json\n" + strings.Join(lines, "")
}

// grown is what the Python below writes beside a forest.
type grown struct {
	X       [][]float64
	Predict []any // of the tool: a number, or the name of a class
	Proba   [][]float64
}

// models are what the dump is tried on.
var models = []string{
	"DecisionTreeRegressor(max_depth=4)",
	"DecisionTreeClassifier()",
	"RandomForestRegressor(12, random_state=1)",
	"RandomForestClassifier(12, random_state=1)",
	"RandomForestClassifier(12, max_depth=3, random_state=1)",
	"ExtraTreesClassifier(8, random_state=1)",
}

// grow lets scikit-learn grow all models on noisy rows, in one process, and
// returns the folder of what it wrote.
func grow(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := dump(t) + `
import sys
try:
    import numpy as np
    from sklearn.ensemble import *
    from sklearn.tree import *
except ImportError:
    sys.exit(77)
rng = np.random.default_rng(0)
X = np.round(rng.normal(size=(300, 5)), 2) * [1, 1e-3, 1e3, 1, 1] + [0, 0, 0, 1e6, 0]
y = X[:, 0] + 1e3 * X[:, 1] * X[:, 4] + rng.normal(size=300)
k = np.array(["no", "yes", "maybe"])[np.digitize(y, [-1, 1])]
for i, model in enumerate([` + strings.Join(models, ", ") + `]):
    model.fit(X, k if hasattr(model, "predict_proba") else y)
    dump(model, "` + dir + `/forest%d.json" % i)
    out = {"X": X.tolist(), "Predict": model.predict(X).tolist(), "Proba": model.predict_proba(X).tolist() if hasattr(model, "predict_proba") else []}
    json.dump(out, open("` + dir + `/rows%d.json" % i, "w"))
`
	cmd := exec.Command(python, "-c", script)
	if text, err := cmd.CombinedOutput(); err != nil {
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 77 {
			t.Skip("scikit-learn is not installed")
		}
		t.Fatalf("%v\n%s", err, text)
	}
	return dir
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestScikitLearn compares every prediction with the tool's own, bit for bit.
func TestScikitLearn(t *testing.T) {
	dir := grow(t)
	for i, model := range models {
		t.Run(model, func(t *testing.T) {
			f, err := Read(read(t, dir, fmt.Sprintf("forest%d.json", i)))
			if err != nil {
				t.Fatal(err)
			}
			var g grown
			if err := json.Unmarshal(read(t, dir, fmt.Sprintf("rows%d.json", i)), &g); err != nil {
				t.Fatal(err)
			}
			for i, row := range g.X {
				got := f.Predict(row)
				if f.Classes == nil {
					if got[0] != g.Predict[i] {
						t.Fatalf("row %d: %v, scikit-learn says %v", i, got, g.Predict[i])
					}
					continue
				}
				if name := f.Classes[Class(got)]; name != g.Predict[i] {
					t.Fatalf("row %d: %s %v, scikit-learn says %v %v", i, name, got, g.Predict[i], g.Proba[i])
				}
				for c, p := range g.Proba[i] {
					if got[c] != p {
						t.Fatalf("row %d: %v, scikit-learn says %v", i, got, g.Proba[i])
					}
				}
			}
		})
	}
}

// model is an XGBoost model of two trees, or of the given parts.
func model(objective, param, trees, more string) []byte {
	return []byte(`{"learner":{"attributes":{},"feature_names":[],"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"2"},
		"tree_info":[0,0],"trees":[` + trees + `]},"name":"gbtree"},
		"learner_model_param":{` + param + `},"objective":{"name":"` + objective + `"}` + more + `},"version":[2,1,0]}`)
}

const (
	// stump goes left where feature 1 is below 0.5: -1, else 2.
	stump = `{"left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_indices":[1,0,0],"split_conditions":[5E-1,-1E0,2E0],"default_left":[0,0,0],"categories":[],"tree_param":{"size_leaf_vector":"1"}}`
	leaf  = `{"left_children":[-1],"right_children":[-1],"split_indices":[0],"split_conditions":[2.5E-1],"default_left":[0],"categories":[],"tree_param":{"size_leaf_vector":"1"}}`
)

func TestXGBoostSums(t *testing.T) {
	for _, test := range []struct {
		name, objective, param string
		row                    []float64
		want                   []float64
	}{
		{"below the condition", "reg:squarederror", `"base_score":"5E-1","num_feature":"2"`, []float64{9, 0.49}, []float64{-0.25}},
		{"at the condition: right", "reg:squarederror", `"base_score":"5E-1","num_feature":"2"`, []float64{9, 0.5}, []float64{2.75}},
		{"rounded to the condition: right", "reg:squarederror", `"base_score":"5E-1","num_feature":"2"`, []float64{9, 0.5 - 1e-12}, []float64{2.75}},
		{"a list of base scores", "reg:absoluteerror", `"base_score":"[1E0]","num_feature":"2","num_class":"0","num_target":"1"`, []float64{0, 1}, []float64{3.25}},
		{"log-odds", "binary:logistic", `"base_score":"5E-1","num_feature":"2","num_class":"0"`, []float64{0, 1}, []float64{0, 2.25}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, err := Read(model(test.objective, test.param, stump+","+leaf, ""))
			if err != nil {
				t.Fatal(err)
			}
			got := f.Predict(test.row)
			for o, want := range test.want {
				if got[o] != want {
					t.Errorf("%v, want %v", got, test.want)
				}
			}
		})
	}
}

func TestXGBoostStopsAtTheBestIteration(t *testing.T) {
	data := strings.Replace(string(model("reg:squarederror", `"base_score":"0","num_feature":"2"`, leaf+","+stump, "")), `"attributes":{}`, `"attributes":{"best_iteration":"0"}`, 1)
	f, err := Read([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Trees) != 1 || len(f.Notes) != 1 {
		t.Errorf("%d trees and the notes %q, want the first tree and a note", len(f.Trees), f.Notes)
	}
}

func TestXGBoostBaseIsAProbability(t *testing.T) {
	f, err := Read(model("binary:logistic", `"base_score":"2E-1","num_feature":"2"`, stump+","+leaf, ""))
	if err != nil {
		t.Fatal(err)
	}
	if want := math.Log(0.2 / 0.8); math.Abs(f.Base[1]-want) > 1e-6 {
		t.Errorf("base %v, want %v", f.Base[1], want)
	}
}

// TestInfinity: C++ writes it into statistics, which do not matter; in a condition
// it is an error.
func TestInfinity(t *testing.T) {
	param := `"base_score":"5E-1","num_feature":"2"`
	statistic := strings.Replace(stump, `"default_left"`, `"note":"a \" NaN","loss_changes":[Infinity,-Infinity,NaN],"default_left"`, 1)
	f, err := Read(model("reg:squarederror", param, statistic+","+leaf, ""))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Predict([]float64{0, 1}); got[0] != 2.75 {
		t.Errorf("%v, want 2.75", got)
	}
	condition := strings.Replace(stump, "[5E-1,", "[Infinity,", 1)
	var format *FormatError
	if _, err := Read(model("reg:squarederror", param, condition+","+leaf, "")); !errors.As(err, &format) {
		t.Errorf("an infinite condition: %v", err)
	}
}

// TestFaults: every fault has its type, and none panics.
func TestFaults(t *testing.T) {
	param := `"base_score":"5E-1","num_feature":"2"`
	broken := map[string]string{
		"no JSON":           "trees",
		"something else":    `{"a": 1}`,
		"no trees":          `{"n_features": 2, "trees": []}`,
		"no features":       `{"n_features": 0, "trees": [{}]}`,
		"a loop":            `{"n_features": 2, "trees": [{"children_left":[1,0,-1],"children_right":[2,2,-1],"feature":[0,0,0],"threshold":[0,0,0],"value":[0,0,0]}]}`,
		"a child too far":   `{"n_features": 2, "trees": [{"children_left":[7],"children_right":[1],"feature":[0],"threshold":[0],"value":[0]}]}`,
		"a feature too far": `{"n_features": 2, "trees": [{"children_left":[1,-1,-1],"children_right":[2,-1,-1],"feature":[2,-2,-2],"threshold":[0,0,0],"value":[0,0,0]}]}`,
		"a short list":      `{"n_features": 2, "trees": [{"children_left":[1,-1,-1],"children_right":[2],"feature":[0,-2,-2],"threshold":[0,0,0],"value":[0,0,0]}]}`,
		"values missing":    `{"n_features": 2, "trees": [{"children_left":[-1],"children_right":[-1],"feature":[-2],"threshold":[0],"value":[]}]}`,
		"names missing":     `{"n_features": 2, "feature_names": ["a"], "trees": [{"children_left":[-1],"children_right":[-1],"feature":[-2],"threshold":[0],"value":[1]}]}`,
		"tree_info missing": string(model("reg:squarederror", param, stump, "")),
		"base score":        string(model("reg:squarederror", `"base_score":"x","num_feature":"2"`, stump+","+leaf, "")),
		"feature count":     string(model("reg:squarederror", `"base_score":"0","num_feature":"-3"`, stump+","+leaf, "")),
	}
	for name, data := range broken {
		var format *FormatError
		if _, err := Read([]byte(data)); !errors.As(err, &format) {
			t.Errorf("%s: %v, want a FormatError", name, err)
		}
	}
	categories := strings.Replace(stump, `"categories":[]`, `"categories":[1]`, 1)
	foreign := map[string]string{
		"an objective with a link":   string(model("count:poisson", param, stump+","+leaf, "")),
		"splits by category":         string(model("reg:squarederror", param, categories+","+leaf, "")),
		"a linear booster":           `{"learner":{"gradient_booster":{"name":"gblinear"},"learner_model_param":{},"objective":{"name":"reg:squarederror"}}}`,
		"classifiers of two targets": `{"n_features": 1, "classes": ["a"], "trees": [{"children_left":[-1],"children_right":[-1],"feature":[-2],"threshold":[0],"value":[1,2]}]}`,
	}
	for name, data := range foreign {
		var unsupported *UnsupportedError
		if _, err := Read([]byte(data)); !errors.As(err, &unsupported) {
			t.Errorf("%s: %v, want an UnsupportedError", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(model("binary:logistic", `"base_score":"5E-1","num_feature":"2"`, stump+","+leaf, ""))
	f.Add([]byte(`{"n_features": 2, "classes": ["a","b"], "trees": [{"children_left":[1,-1,-1],"children_right":[2,-1,-1],"feature":[0,-2,-2],"threshold":[0.5,0,0],"value":[1,1,1,0,0,1]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		forest, err := Read(data)
		if err != nil {
			return
		}
		if forest.Features > 1000 {
			return
		}
		if got := forest.Predict(make([]float64, forest.Features)); len(got) != forest.Outputs {
			t.Errorf("%d outputs, want %d", len(got), forest.Outputs)
		}
	})
}

// TestPageShowsTheDump: the page has the very lines that are tested here.
func TestPageShowsTheDump(t *testing.T) {
	page, err := os.ReadFile("../docs/forests.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), dump(t)) {
		t.Error("docs/forests.md shows other lines than the package comment")
	}
}
