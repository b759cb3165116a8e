package forest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// xgboostFile is the "learner" of a model that XGBoost saved as JSON. Numbers of
// the parameters stand as text.
type xgboostFile struct {
	Attributes map[string]json.RawMessage `json:"attributes"`
	Names      []string                   `json:"feature_names"`
	Booster    struct {
		Name       string          `json:"name"`
		Model      *xgboostModel   `json:"model"`
		DART       *xgboostBooster `json:"gbtree"` // of dart
		WeightDrop []float64       `json:"weight_drop"`
	} `json:"gradient_booster"`
	Param struct {
		BaseScore string `json:"base_score"`
		Classes   string `json:"num_class"`
		Features  string `json:"num_feature"`
		Targets   string `json:"num_target"`
	} `json:"learner_model_param"`
	Objective struct {
		Name string `json:"name"`
	} `json:"objective"`
}

type xgboostBooster struct {
	Model *xgboostModel `json:"model"`
}

type xgboostModel struct {
	Param struct {
		Parallel string `json:"num_parallel_tree"`
	} `json:"gbtree_model_param"`
	Info  []int         `json:"tree_info"`
	Trees []xgboostTree `json:"trees"`
}

type xgboostTree struct {
	Left       []int32         `json:"left_children"`
	Right      []int32         `json:"right_children"`
	Feature    []int32         `json:"split_indices"`
	Condition  []float32       `json:"split_conditions"` // of a leaf: its value
	Type       json.RawMessage `json:"split_type"`
	Categories []int32         `json:"categories"`
	Param      struct {
		Vector string `json:"size_leaf_vector"`
	} `json:"tree_param"`
}

// identities are the objectives whose prediction is the sum itself.
var identities = []string{"reg:squarederror", "reg:linear", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror", "binary:logitraw"}

// readXGBoost reads the learner of an XGBoost model.
//
// A row goes left where its feature, a float32 number, is below the split's
// condition. The sums are float32 numbers that begin with the base score. Two
// classes (binary:logistic) have one sum, of log-odds: the second class is
// answered when it is above 0, which the forest says with the outputs (0, sum);
// more have one sum each.
func readXGBoost(data []byte) (*Forest, error) {
	var x xgboostFile
	if err := json.Unmarshal(data, &x); err != nil {
		return nil, broken("XGBoost: %v", err)
	}
	model := x.Booster.Model
	if x.Booster.DART != nil {
		model = x.Booster.DART.Model
	}
	if model == nil {
		return nil, unsupported("XGBoost's booster %q has no trees; gbtree and dart do", x.Booster.Name)
	}
	f := &Forest{Tool: "XGBoost", Single: true}
	var err error
	if f.Features, err = strconv.Atoi(x.Param.Features); err != nil || f.Features < 1 || f.Features > maxFeatures {
		return nil, broken("XGBoost: num_feature is %q", x.Param.Features)
	}
	if len(x.Names) > 0 {
		f.Names = x.Names
	}
	if err := f.objective(&x); err != nil {
		return nil, err
	}
	count, err := f.rounds(&x, model)
	if err != nil {
		return nil, err
	}
	for i := range model.Trees[:count] {
		weight := 1.0
		if x.Booster.DART != nil {
			if len(x.Booster.WeightDrop) != len(model.Trees) {
				return nil, broken("XGBoost: %d weights for %d trees", len(x.Booster.WeightDrop), len(model.Trees))
			}
			weight = x.Booster.WeightDrop[i]
		}
		if err := f.addXGBoost(&model.Trees[i], i, model.Info[i], weight); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// objective finds the outputs and where their sums begin.
func (f *Forest) objective(x *xgboostFile) error {
	classes, targets := atoi(x.Param.Classes), atoi(x.Param.Targets)
	base, err := baseScores(x.Param.BaseScore)
	if err != nil {
		return err
	}
	name := x.Objective.Name
	switch {
	case slices.Contains(identities, name):
		f.Outputs = max(1, targets)
	case name == "binary:logistic":
		f.Classes, f.Outputs, f.logistic = numbers(2), 2, true
		for i, p := range base {
			if !(p > 0 && p < 1) {
				return broken("XGBoost: base_score is %v, no probability", p)
			}
			base[i] = float64(float32(-math.Log(1/p - 1)))
		}
		base = []float64{0, base[0]}
	case name == "multi:softmax" || name == "multi:softprob":
		if classes < 2 || classes > 1<<20 {
			return broken("XGBoost: num_class is %q", x.Param.Classes)
		}
		f.Classes, f.Outputs = numbers(classes), classes
	default:
		return unsupported("XGBoost's objective %q: its predictions are no sums of leaves; known are %s, binary:logistic, multi:softmax, multi:softprob",
			name, strings.Join(identities, ", "))
	}
	for len(base) < f.Outputs {
		base = append(base, base[0])
	}
	if len(base) != f.Outputs {
		return broken("XGBoost: %d base scores for %d outputs", len(base), f.Outputs)
	}
	f.Base = base
	return nil
}

// baseScores reads "5E-1", and the "[5E-1]" or "[1E0,2E0]" of version 3.1.
func baseScores(text string) ([]float64, error) {
	var scores []float64
	for _, part := range strings.Split(strings.Trim(text, "[] "), ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, broken("XGBoost: base_score is %q", text)
		}
		scores = append(scores, v)
	}
	return scores, nil
}

// rounds returns how many trees predict: those up to the best iteration, where
// training was stopped early, as XGBoost's own predict has it.
func (f *Forest) rounds(x *xgboostFile, model *xgboostModel) (int, error) {
	all := len(model.Trees)
	if len(model.Info) != all {
		return 0, broken("XGBoost: tree_info names %d trees of %d", len(model.Info), all)
	}
	raw, stopped := x.Attributes["best_iteration"]
	if !stopped {
		return all, nil
	}
	best, err := strconv.Atoi(strings.Trim(string(raw), `"`))
	if err != nil || best < 0 {
		return 0, broken("XGBoost: best_iteration is %s", raw)
	}
	groups := f.Outputs
	if f.logistic {
		groups = 1
	}
	count := (best + 1) * max(1, atoi(model.Param.Parallel)) * groups
	if count < all {
		f.Notes = append(f.Notes, fmt.Sprintf("XGBoost stopped early: the trees up to iteration %d are used, %d of %d.", best, count, all))
		return count, nil
	}
	return all, nil
}

func (f *Forest) addXGBoost(x *xgboostTree, number, group int, weight float64) error {
	if len(x.Categories) > 0 {
		return unsupported("XGBoost: tree %d splits by categories; encode them as numbers", number)
	}
	if atoi(x.Param.Vector) > 1 {
		return unsupported("XGBoost: tree %d has vectors as leaves", number)
	}
	if len(x.Condition) != len(x.Left) {
		return broken("XGBoost: tree %d has %d conditions for %d nodes", number, len(x.Condition), len(x.Left))
	}
	raw := rawTree{left: x.Left, right: x.Right, feature: x.Feature, width: 1}
	raw.upper = func(node int) (float32, error) {
		u := math.Nextafter32(x.Condition[node], float32(math.Inf(-1)))
		if u != u || math.IsInf(float64(u), 0) {
			return 0, fmt.Errorf("the condition is %v", x.Condition[node])
		}
		return u, nil
	}
	raw.value = func(node int) []float64 { return []float64{float64(float32(weight * float64(x.Condition[node])))} }
	t, err := raw.tree(number, f.Features)
	if err != nil {
		return err
	}
	if t.Output = group; f.logistic {
		t.Output = group + 1
	}
	if t.Output < 0 || t.Output >= f.Outputs {
		return broken("XGBoost: tree %d belongs to output %d of %d", number, group, f.Outputs)
	}
	f.Trees = append(f.Trees, t)
	return nil
}

func atoi(text string) int {
	v, _ := strconv.Atoi(text)
	return v
}

// numbers names k classes 0, 1, ...: XGBoost's files do not name them.
func numbers(k int) []string {
	names := make([]string, k)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}
