// Package forest reads decision trees and forests that other tools have grown:
// scikit-learn's, through a few lines of Python, and XGBoost's own JSON.
//
// For most uses, call [Read] with the file's bytes; package construct compiles
// the [Forest] into a network (construct.FromForest). [Forest.Predict] is what
// the tool itself would predict, in its own arithmetic.
//
// scikit-learn has no file format of trees. This writes the one that Read takes,
// for DecisionTree, ExtraTree, RandomForest and ExtraTrees, both classifiers
// and regressors:
//
//	import json
//	def dump(model, path):
//	    trees = [t.tree_ for t in getattr(model, "estimators_", [model])]
//	    json.dump({"n_features": int(model.n_features_in_),
//	        "feature_names": [str(n) for n in getattr(model, "feature_names_in_", [])],
//	        "classes": [str(c) for c in model.classes_] if hasattr(model, "classes_") else None,
//	        "trees": [{"children_left": t.children_left.tolist(), "children_right": t.children_right.tolist(),
//	            "feature": t.feature.tolist(), "threshold": t.threshold.tolist(),
//	            "value": t.value.ravel().tolist()} for t in trees]}, open(path, "w"))
//
// XGBoost's is what model.save_model("model.json") writes, of versions 1.0 and
// later, with trees as boosters (gbtree, dart), numeric splits, and an objective
// whose answer needs no function that a ReLU network has not: squared, absolute
// and Huber errors, and classes.
package forest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// A Forest is trees whose leaves' values are added up. Every split compares one
// feature, rounded to float32 as both tools do, with a float32 number.
type Forest struct {
	Tool     string   // scikit-learn or XGBoost
	Features int      // d: features that the trees look at are 0..d-1
	Names    []string // d names of the features; nil when the file has none
	Classes  []string // k names of the classes; nil for a regression
	Outputs  int      // values that come out: targets, or one score per class
	Trees    []Tree
	// Base is added to the sums (Outputs).
	Base []float64
	// Mean says that sums are divided by the number of trees.
	Mean bool
	// Single says that sums are made in float32, as XGBoost does.
	Single bool
	Notes  []string // what was read in a way worth telling, one sentence each

	logistic bool // two classes that share one sum, that of the second
}

// A Tree is its nodes; node 0 is the root. Children come after their parent.
type Tree struct {
	// Feature is the feature a node compares, or -1 for a leaf.
	Feature []int32
	// Upper is the largest float32 number that goes left.
	Upper []float32
	// Left and Right are the children.
	Left, Right []int32
	// Value holds the leaves' values, Outputs per node, or one per node when
	// Output says which output they are added to.
	Value  []float64
	Output int // -1: all outputs
}

// Leaf returns the leaf of row (d features) in tree t.
func (t *Tree) Leaf(row []float64) int {
	at := int32(0)
	for t.Feature[at] >= 0 {
		if float32(row[t.Feature[at]]) <= t.Upper[at] {
			at = t.Left[at]
		} else {
			at = t.Right[at]
		}
	}
	return int(at)
}

// Leaves returns the number of leaves of the tree.
func (t *Tree) Leaves() int { return (len(t.Feature) + 1) / 2 }

// Leaves returns the number of leaves of all trees.
func (f *Forest) Leaves() int {
	total := 0
	for i := range f.Trees {
		total += f.Trees[i].Leaves()
	}
	return total
}

// Predict returns the outputs of one row (d features) in the arithmetic of the
// tool: sums in the order of the trees, of float64 numbers, or of float32 numbers
// for XGBoost.
func (f *Forest) Predict(row []float64) []float64 {
	round := func(v float64) float64 {
		if f.Single {
			return float64(float32(v))
		}
		return v
	}
	sum := append([]float64(nil), f.Base...)
	for i := range f.Trees {
		t := &f.Trees[i]
		leaf := t.Leaf(row)
		if t.Output >= 0 {
			sum[t.Output] = round(sum[t.Output] + t.Value[leaf])
			continue
		}
		for o := range sum {
			sum[o] = round(sum[o] + t.Value[leaf*f.Outputs+o])
		}
	}
	if f.Mean {
		for o := range sum {
			sum[o] /= float64(len(f.Trees))
		}
	}
	return sum
}

// Class returns the class that Predict's outputs mean: the first of the largest.
func Class(outputs []float64) int {
	best := 0
	for c, v := range outputs {
		if v > outputs[best] {
			best = c
		}
	}
	return best
}

// A FormatError says what is wrong with a file.
type FormatError struct{ Detail string }

func (e *FormatError) Error() string { return "forest: " + e.Detail }

// An UnsupportedError says what a sound file asks for that no ReLU network, or
// no code here, can give.
type UnsupportedError struct{ Detail string }

func (e *UnsupportedError) Error() string { return "forest: " + e.Detail }

func broken(format string, args ...any) error { return &FormatError{fmt.Sprintf(format, args...)} }

func unsupported(format string, args ...any) error {
	return &UnsupportedError{fmt.Sprintf(format, args...)}
}

// Read reads a forest from the bytes of a file, of whichever tool. It returns a
// [*FormatError] for a file that is broken and an [*UnsupportedError] for one
// that is sound but asks for something else.
func Read(data []byte) (*Forest, error) {
	if !json.Valid(data) {
		data = finiteTokens(data)
	}
	var kind struct {
		Learner json.RawMessage `json:"learner"`
		Trees   json.RawMessage `json:"trees"`
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return nil, broken("no JSON file of a forest: %v", err)
	}
	var f *Forest
	var err error
	switch {
	case kind.Learner != nil:
		f, err = readXGBoost(kind.Learner)
	case kind.Trees != nil:
		f, err = readScikit(data)
	default:
		return nil, broken(`neither "learner" (XGBoost) nor "trees" (scikit-learn, by the lines in the documentation) is in the file`)
	}
	if err != nil {
		return nil, err
	}
	return f, f.check()
}

// finiteTokens replaces the NaN and Infinity that C++ and Python write, and JSON
// does not have, by a number out of range: harmless in statistics that are not
// read, and an error in numbers that are.
func finiteTokens(data []byte) []byte {
	out := make([]byte, 0, len(data))
	quoted := false
	for i := 0; i < len(data); i++ {
		if quoted && data[i] == '\\' && i+1 < len(data) {
			out = append(out, data[i])
			i++
		} else if data[i] == '"' {
			quoted = !quoted
		} else if !quoted && (bytes.HasPrefix(data[i:], []byte("NaN")) || bytes.HasPrefix(data[i:], []byte("Infinity"))) {
			out = append(out, "1e999"...)
			if i += len("NaN") - 1; data[i] != 'N' {
				i += len("Infinity") - len("NaN")
			}
			continue
		}
		out = append(out, data[i])
	}
	return out
}

// maxFeatures bounds the features that a file may claim.
const maxFeatures = 1 << 24

// check finds what the readers let pass: numbers that are not finite, and names
// that do not fit.
func (f *Forest) check() error {
	if f.Features < 1 || f.Features > maxFeatures {
		return broken("%d features", f.Features)
	}
	if len(f.Trees) == 0 {
		return broken("no trees")
	}
	if f.Names != nil && len(f.Names) != f.Features {
		return broken("%d names for %d features", len(f.Names), f.Features)
	}
	for i := range f.Trees {
		for _, v := range f.Trees[i].Value {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return broken("tree %d has a leaf of value %v", i, v)
			}
		}
	}
	return nil
}

// rawTree is a tree as files have it: nodes in any order, some of them perhaps
// out of use.
type rawTree struct {
	left, right []int32
	feature     []int32
	upper       func(node int) (float32, error)
	value       func(node int) []float64
	width       int
}

// tree walks the nodes in use from the root, parents first, and numbers them
// anew. It finds loops, nodes that two parents claim, and indices out of range.
func (r *rawTree) tree(number, features int) (Tree, error) {
	n := len(r.left)
	if n == 0 || len(r.right) != n || len(r.feature) != n {
		return Tree{}, broken("tree %d has %d left children, %d right children and %d features", number, n, len(r.right), len(r.feature))
	}
	t := Tree{Output: -1}
	seen := make([]bool, n)
	queue := make([]int32, 1, n)
	seen[0] = true
	for at := 0; at < len(queue); at++ {
		node := queue[at]
		left, right := r.left[node], r.right[node]
		if left == -1 && right == -1 {
			t.Feature, t.Upper = append(t.Feature, -1), append(t.Upper, 0)
			t.Left, t.Right = append(t.Left, -1), append(t.Right, -1)
			t.Value = append(t.Value, r.value(int(node))...)
			continue
		}
		for _, child := range []int32{left, right} {
			if child < 0 || int(child) >= n || seen[child] {
				return Tree{}, broken("tree %d: node %d has child %d, which is out of range or has a parent already", number, node, child)
			}
			seen[child] = true
		}
		if f := r.feature[node]; f < 0 || int(f) >= features {
			return Tree{}, broken("tree %d: node %d compares feature %d of %d", number, node, f, features)
		}
		upper, err := r.upper(int(node))
		if err != nil {
			return Tree{}, broken("tree %d: node %d: %v", number, node, err)
		}
		t.Feature, t.Upper = append(t.Feature, r.feature[node]), append(t.Upper, upper)
		t.Left, t.Right = append(t.Left, int32(len(queue))), append(t.Right, int32(len(queue)+1))
		t.Value = append(t.Value, make([]float64, r.width)...)
		queue = append(queue, left, right)
	}
	return t, nil
}
