package forest

import (
	"encoding/json"
	"fmt"
	"math"
)

// scikitFile is the file that the lines in the package comment write.
type scikitFile struct {
	Features int          `json:"n_features"`
	Names    []string     `json:"feature_names"`
	Classes  []string     `json:"classes"`
	Trees    []scikitTree `json:"trees"`
}

type scikitTree struct {
	Left      []int32   `json:"children_left"`
	Right     []int32   `json:"children_right"`
	Feature   []int32   `json:"feature"`
	Threshold []float64 `json:"threshold"`
	Value     []float64 `json:"value"` // nodes x values, row by row
}

// readScikit reads a forest of scikit-learn.
//
// A row goes left where its feature, rounded to float32, is at most the
// threshold, a float64 number. A leaf's value is the targets' mean, or for
// classes their counts or fractions (by version), which are divided by their sum.
// A forest answers with the mean of its trees, and with the first class of
// greatest mean.
func readScikit(data []byte) (*Forest, error) {
	var file scikitFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, broken("scikit-learn: %v", err)
	}
	f := &Forest{Tool: "scikit-learn", Features: file.Features, Classes: file.Classes, Mean: true}
	if len(file.Names) > 0 {
		f.Names = file.Names
	}
	if f.Features < 1 || f.Features > maxFeatures {
		return nil, broken("scikit-learn: n_features is %d", f.Features)
	}
	for i := range file.Trees {
		if err := f.addScikit(&file.Trees[i], i); err != nil {
			return nil, err
		}
	}
	if f.Trees == nil {
		return nil, broken("scikit-learn: no trees")
	}
	f.Base = make([]float64, f.Outputs)
	return f, nil
}

func (f *Forest) addScikit(s *scikitTree, number int) error {
	n := len(s.Left)
	if n == 0 || len(s.Threshold) != n || len(s.Value) == 0 || len(s.Value)%n != 0 {
		return broken("scikit-learn: tree %d has %d nodes, %d thresholds and %d values", number, n, len(s.Threshold), len(s.Value))
	}
	width := len(s.Value) / n
	if number == 0 {
		f.Outputs = width
		if k := len(f.Classes); f.Classes != nil && k != width {
			return unsupported("%d classes and %d values in every node: classifiers of several targets are not read", k, width)
		}
	}
	if width != f.Outputs {
		return broken("scikit-learn: tree %d has %d values in a node, not %d", number, width, f.Outputs)
	}
	raw := rawTree{left: s.Left, right: s.Right, feature: s.Feature, width: width}
	raw.upper = func(node int) (float32, error) { return atMost(s.Threshold[node]) }
	raw.value = func(node int) []float64 {
		v := s.Value[node*width : (node+1)*width]
		if f.Classes != nil {
			return fractions(v)
		}
		return v
	}
	t, err := raw.tree(number, f.Features)
	f.Trees = append(f.Trees, t)
	return err
}

// atMost returns the largest float32 number that is not above a threshold.
func atMost(threshold float64) (float32, error) {
	u := float32(threshold)
	if float64(u) > threshold {
		u = math.Nextafter32(u, float32(math.Inf(-1)))
	}
	if threshold != threshold || math.IsInf(float64(u), 0) {
		return 0, fmt.Errorf("the threshold is %v", threshold)
	}
	return u, nil
}

// fractions divides by the sum, as the classifiers do.
func fractions(v []float64) []float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	if sum == 0 {
		sum = 1
	}
	p := make([]float64, len(v))
	for i, x := range v {
		p[i] = x / sum
	}
	return p
}
