package edit

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/network"
)

// prove certifies the edited network: the fixed rows hit, the kept ones the same.
func (r *repair) prove(edited *network.Network) (*Repaired, error) {
	if err := edited.Validate(); err != nil {
		return nil, &ImpossibleError{Reason: "the numbers of this repair leave the range of " + edited.Precision.String() + ": " + err.Error(), Advice: "use float64"}
	}
	made := &r.made
	made.Network, made.Method = edited, Untouched
	made.Added = edited.Units() - r.net.Units()
	if r.stage != nil {
		made.Method = ByGates
		made.Copied = r.stage.net.Units() - r.net.Units()
		made.Added -= made.Copied
	}
	var err error
	if made.Fix, err = certify.Certify(edited, r.fix, certify.Options{Tolerance: r.opts.Tolerance}); err != nil {
		return nil, err
	}
	total, d := r.x.Dims()
	made.Keep = Kept{Rows: total - r.k, Same: total - r.k, Holds: true}
	if r.stage == nil || total == r.k {
		return made, nil
	}
	keep := r.x.Slice(r.k, total, 0, d).(*mat.Dense)
	values := edited.Layers[r.second].Width() - r.stage.net.Layers[r.second].Width()
	awake, err := awakeRows(edited, keep, r.second, values)
	if err != nil {
		return nil, err
	}
	made.Keep.Same -= len(awake)
	if made.Keep.Holds = len(awake) == 0; !made.Keep.Holds {
		return nil, fmt.Errorf("edit: added units may be awake on row %d to keep, and %d others", r.keepRow(r.k+awake[0]), len(awake)-1)
	}
	return made, nil
}

// awakeRows returns the rows of x on which some of the last units of a layer
// may be other than 0 in some order of summation.
func awakeRows(net *network.Network, x *mat.Dense, layer, units int) ([]int, error) {
	e, err := certify.Enclose(net, x, layer)
	if err != nil {
		return nil, err
	}
	e = e.Layer(net.Layers[layer])
	n, width := e.Centre.Dims()
	var awake []int
	for i := range n {
		for j := width - units; j < width; j++ {
			if !e.Asleep(i, j) {
				awake = append(awake, i)
				break
			}
		}
	}
	return awake, nil
}
