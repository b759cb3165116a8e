package edit

import (
	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// A stage is where gates go into a network: thresholds into layer first, their
// value units into the layer behind it, the last hidden one.
type stage struct {
	net           *network.Network
	first, second int
	// tail is what the outputs gain per output of the layer after second,
	// p x m: the affine layers behind it; nil for the identity.
	tail *mat.Dense
}

// newStage finds the place for gates. A network with one hidden layer, or whose
// last two are not neighbours, gets a layer that copies the last one's outputs,
// which changes no bit.
func newStage(net *network.Network) (*stage, error) {
	last := -1
	for _, l := range net.HiddenLayers() {
		if l < len(net.Layers)-1 {
			last = l
		}
	}
	if last < 0 {
		return nil, &ImpossibleError{Reason: "the network has no hidden layer that units could be added to", Advice: "build one from the data with hinge build"}
	}
	s := &stage{net: net, first: last - 1, second: last}
	if last == 0 || net.Layers[last-1].Act != network.ReLU {
		s.net, s.first, s.second = net.InsertCopy(last, "copy"), last, last+1
	}
	s.tail = tailOf(s.net, s.second+2)
	return s, nil
}

// tailOf returns the product of the maps from layer l on.
func tailOf(net *network.Network, l int) *mat.Dense {
	if l >= len(net.Layers) {
		return nil
	}
	linear := &network.Network{}
	for _, layer := range net.Layers[l:] {
		linear.Layers = append(linear.Layers, network.Layer{Map: layer.Map})
	}
	m := linear.Inputs()
	eye := mat.NewDense(m, m, nil)
	for i := range m {
		eye.Set(i, i, 1)
	}
	return mat.DenseCopyOf(linear.Forward(eye).T())
}

// lift returns the output weights that raise output c by 1, one per unit of the
// layer after second.
func (s *stage) lift(c int) ([]float64, error) {
	if s.tail == nil {
		unit := make([]float64, s.net.Outputs())
		unit[c] = 1
		return unit, nil
	}
	p, m := s.tail.Dims()
	want := mat.NewVecDense(p, nil)
	want.SetVec(c, 1)
	var v mat.VecDense
	if err := v.SolveVec(s.tail, want); err != nil || !isExact(s.tail, &v, want) {
		return nil, &ImpossibleError{Reason: "the affine layers behind the last hidden one do not let single outputs move", Advice: "merge them into one first"}
	}
	out := make([]float64, m)
	for i := range out {
		out[i] = s.net.Precision.Round(v.AtVec(i))
	}
	return out, nil
}

// liftTolerance is how far another output may move per unit of the wanted one.
const liftTolerance = 1e-6

func isExact(tail *mat.Dense, v, want *mat.VecDense) bool {
	var got mat.VecDense
	got.MulVec(tail, v)
	got.SubVec(&got, want)
	return mat.Norm(&got, 2) <= liftTolerance
}
