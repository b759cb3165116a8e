package construct

import (
	"fmt"
	"maps"
	"math/big"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// ObstacleKind says what keeps a column from being a layer's output.
type ObstacleKind string

const (
	// Inconsistent: no affine function of the layer before has the column's values
	// on its support.
	Inconsistent ObstacleKind = "inconsistent"
	// Surrounded: every affine function with these values is >= 0 at some row off
	// the support.
	Surrounded ObstacleKind = "surrounded"
	// Undecided: neither the column nor an obstacle could be proved.
	Undecided ObstacleKind = "undecided"
)

// An Obstacle is the reason why a column of S is not the output of any unit on
// the outputs H of the layer before: whole weights of rows that no pre-activation
// agrees with (see [Realise]). It can be checked against H and S alone.
type Obstacle struct {
	Column  int
	Kind    ObstacleKind
	Rows    []int      // indices of rows of H, from 0; empty when undecided
	Weights []*big.Int // one per row, none 0
	Why     string     // of an undecided one: what stood in the way
}

// Check verifies the obstacle against h (n x m) and s (n x q) in rational
// arithmetic, and returns what is wrong with it, or nil: with A the support of
// the column,
//
//	sum lambda_i (h_i, 1) = 0,  lambda_i >= 0 off A,
//	sum lambda_i s_i < 0,  or = 0 and some lambda_i > 0 off A.
//
// An undecided obstacle proves nothing and does not check.
func (o *Obstacle) Check(h, s *mat.Dense) error {
	n, m := h.Dims()
	_, q := s.Dims()
	if o.Kind == Undecided || len(o.Rows) == 0 || len(o.Rows) != len(o.Weights) || o.Column < 0 || o.Column >= q {
		return fmt.Errorf("construct: column %d: nothing is claimed that could be checked", o.Column)
	}
	ones, value := new(big.Rat), new(big.Rat)
	strict := false
	for k, i := range o.Rows {
		if i < 0 || i >= n || o.Weights[k] == nil {
			return fmt.Errorf("construct: column %d: there is no row %d", o.Column, i)
		}
		weight := new(big.Rat).SetInt(o.Weights[k])
		ones.Add(ones, weight)
		if v := s.At(i, o.Column); v > 0 {
			value.Add(value, weight.Mul(weight, new(big.Rat).SetFloat64(v)))
		} else if o.Weights[k].Sign() < 0 {
			return fmt.Errorf("construct: column %d: row %d, where the unit sleeps, has a negative weight", o.Column, i)
		} else if o.Weights[k].Sign() > 0 {
			strict = true
		}
	}
	if ones.Sign() != 0 {
		return fmt.Errorf("construct: column %d: the weights do not sum to 0", o.Column)
	}
	if value.Sign() > 0 || value.Sign() == 0 && !strict {
		return fmt.Errorf("construct: column %d: the weights rule out nothing", o.Column)
	}
	var sum, term, factor big.Rat
	for j := range m {
		sum.SetInt64(0)
		for k, i := range o.Rows {
			if v := h.At(i, j); v != 0 {
				factor.SetInt(o.Weights[k])
				sum.Add(&sum, term.Mul(&factor, term.SetFloat64(v)))
			}
		}
		if sum.Sign() != 0 {
			return fmt.Errorf("construct: column %d: the weighted rows do not cancel in output %d", o.Column, j)
		}
	}
	return nil
}

// tidy removes rows of weight 0, puts the others in ascending order and divides
// the weights by what they share.
func (o *Obstacle) tidy() {
	byRow := map[int]*big.Int{}
	shared := new(big.Int)
	for k, w := range o.Weights {
		if w.Sign() != 0 {
			byRow[o.Rows[k]] = w
			shared.GCD(nil, nil, shared, new(big.Int).Abs(w))
		}
	}
	o.Rows, o.Weights = slices.Sorted(maps.Keys(byRow)), nil
	for _, i := range o.Rows {
		o.Weights = append(o.Weights, new(big.Int).Quo(byRow[i], shared))
	}
}

// String names the obstacle in a sentence.
func (o *Obstacle) String() string {
	switch o.Kind {
	case Inconsistent:
		return fmt.Sprintf("column %d: its values on the support are no affine function of the layer before, as %d rows show", o.Column, len(o.Rows))
	case Surrounded:
		return fmt.Sprintf("column %d: no unit with its values sleeps on all other rows, as %d rows show", o.Column, len(o.Rows))
	}
	return fmt.Sprintf("column %d: undecided: %s", o.Column, o.Why)
}
