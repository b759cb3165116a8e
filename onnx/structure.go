package onnx

import (
	"slices"

	"hinge/network"
)

// structure is what Write notes about the layers, as JSON, in the metadata: the
// kinds of their maps, and which tensors hold their numbers. It holds no number
// of the network itself.
type structure struct {
	Gemm      bool          `json:"gemm,omitempty"`      // written with Options.Dense
	Parts     bool          `json:"parts,omitempty"`     // dense parts carry their biases, empty terms are left out
	Framed    bool          `json:"framed,omitempty"`    // input and output are as the metadata's origin says
	Precision string        `json:"precision,omitempty"` // of a framed graph, whose ends may have other types
	Layers    []layerRecord `json:"layers"`
}

type layerRecord struct {
	Name string     `json:"name,omitempty"`
	Relu bool       `json:"relu,omitempty"`
	Bias []string   `json:"bias,omitempty"` // tensors, one after the other; none: no bias
	Map  *mapRecord `json:"map"`
}

// mapRecord says how a map is written. Several tensors of one field follow each
// other along the outputs.
type mapRecord struct {
	Kind kind         `json:"kind"`
	Form form         `json:"form,omitempty"`
	Maps []*mapRecord `json:"maps,omitempty"` // of a stack, of blocks, of a sum

	Weights []string `json:"weights,omitempty"` // dense, elementwise; sparse: by rows or by slots; projected: the directions
	Indices []string `json:"indices,omitempty"` // form gather: the column or projection that each output takes
	Scales  []string `json:"scales,omitempty"`  // projected: the factors
	Pick    []int32  `json:"pick,omitempty"`    // projected by broadcast: the projection of each tensor of Scales
	In      int      `json:"in,omitempty"`      // sparse, form gather: the number of inputs
	Zeros   []int32  `json:"zeros,omitempty"`   // sparse: stored entries that are 0, as row, column, row, column, ...
}

type kind string

const (
	kindDense       kind = "dense"
	kindSparse      kind = "sparse"
	kindElementwise kind = "elementwise"
	kindProjected   kind = "projected"
	kindStack       kind = "stack"
	kindBlocks      kind = "blocks"
	kindSum         kind = "sum"
)

// form tells apart the ways in which maps of one kind are written.
type form string

const (
	formGemm      form = "gemm"      // dense: one Gemm, weights Out x In, with the bias
	formGemmPlain form = "gemmplain" // dense: the same with weights In x Out
	formLeft      form = "left"      // dense: weights Out x In times the transpose of the rows
	formNone      form = "none"      // sparse, no nonzeros, in a sum: not written
	formMatMul    form = "matmul"    // dense, sparse: MatMul, weights In x Out
	formBroadcast form = "broadcast" // projected: each projection times the factors of a run of units
	formGather    form = "gather"    // projected, sparse: the numbers wanted are gathered, then scaled
)

// carries reports whether a bias belongs to the dense parts of m: there is one
// that is not a later term of a Sum.
func carries(m network.Map) bool {
	switch m := m.(type) {
	case *network.Dense:
		return true
	case *network.Stack:
		return slices.ContainsFunc(m.Maps, carries)
	case *network.Blocks:
		return slices.ContainsFunc(m.Maps, carries)
	case *network.Sum:
		return carries(m.Maps[0])
	}
	return false
}

// isEmpty reports whether m stores no number, so that its outputs are 0.
func isEmpty(m network.Map) bool {
	s, ok := m.(*network.Sparse)
	return ok && len(s.Val) == 0
}

// hasParts reports whether some layer has dense parts that carry a bias, or
// empty terms. Earlier versions wrote those otherwise, and all others as now.
func hasParts(net *network.Network) bool {
	return slices.ContainsFunc(net.Layers, func(l network.Layer) bool {
		_, dense := l.Map.(*network.Dense)
		return !dense && l.Bias != nil && carries(l.Map) || hasEmptyTerm(l.Map)
	})
}

func hasEmptyTerm(m network.Map) bool {
	switch m := m.(type) {
	case *network.Stack:
		return slices.ContainsFunc(m.Maps, hasEmptyTerm)
	case *network.Blocks:
		return slices.ContainsFunc(m.Maps, hasEmptyTerm)
	case *network.Sum:
		return slices.ContainsFunc(m.Maps[1:], isEmpty) || slices.ContainsFunc(m.Maps, hasEmptyTerm)
	}
	return false
}

// A run is a stretch of outputs from <= j < to of a projected map that pick the
// same projection.
type run struct {
	pick     int32
	from, to int
}

// runsOf returns the runs of m, broken up at the boundaries of pieces of the
// given widths.
func runsOf(m *network.Projected, widths []int) []run {
	var runs []run
	from := 0
	for _, w := range widths {
		start := from
		for j := from + 1; j <= from+w; j++ {
			if j == from+w || m.Pick[j] != m.Pick[start] {
				runs = append(runs, run{m.Pick[start], start, j})
				start = j
			}
		}
		from += w
	}
	return runs
}

// longRun is the average length of runs from which multiplying run by run beats
// gathering number by number: a node of the graph costs about as much as
// gathering and scaling a few dozen numbers.
const longRun = 32

// projectedForm chooses how m is written: by broadcasting where every
// projection is in use (else its numbers would be lost) and the runs are long
// or as few as can be.
func projectedForm(m *network.Projected) form {
	used := make([]bool, m.P.Out)
	missing := m.P.Out
	for _, k := range m.Pick {
		if !used[k] {
			used[k] = true
			missing--
		}
	}
	runs := len(runsOf(m, []int{len(m.Pick)}))
	if missing == 0 && (runs <= 2*m.P.Out || runs*longRun <= len(m.Pick)) {
		return formBroadcast
	}
	return formGather
}

// gatherCost is how many multiplications of a dense product take the time of
// gathering, scaling and adding one number: about 1/16 ns against 2 ns.
const gatherCost = 32

// sparseForm chooses how m is written. With r the most nonzeros of a row, a
// gather form makes r passes over the outputs and stores 2r numbers for each; a
// dense product stores and multiplies In of them.
func sparseForm(m *network.Sparse) form {
	if m.In > gatherCost*max(longestRow(m), 1) {
		return formGather
	}
	return formMatMul
}

// longestRow returns the largest number of entries of m in a row.
func longestRow(m *network.Sparse) int {
	longest := 0
	for i := 0; i < m.Out; i++ {
		longest = max(longest, m.RowPtr[i+1]-m.RowPtr[i])
	}
	return longest
}

// partitions returns, for every layer and for the network's outputs, the widths
// of the pieces in which the numbers that come in are best laid out:
// partitions[l] are those of layer l's inputs. A Sum wants the parts that it
// adds as tensors of their own, so that nothing is joined and cut again;
// elementwise maps pass that wish on to the layer before.
func partitions(net *network.Network) [][]int {
	widths := make([][]int, len(net.Layers)+1)
	widths[len(net.Layers)] = []int{net.Outputs()}
	for l := len(net.Layers) - 1; l >= 0; l-- {
		widths[l] = inputWidths(net.Layers[l].Map, widths[l+1])
	}
	widths[0] = []int{net.Inputs()} // the model's input is one tensor
	return widths
}

func inputWidths(m network.Map, outputs []int) []int {
	switch m := m.(type) {
	case *network.Diagonal:
		return outputs
	case *network.Blocks:
		var widths []int
		for k, cut := range refine(outputs, m.Maps) {
			widths = append(widths, inputWidths(m.Maps[k], cut)...)
		}
		return widths
	case *network.Sum:
		var widths []int
		for _, part := range m.Maps {
			widths = append(widths, inputWidths(part, outputs)...)
		}
		return widths
	}
	_, in := m.Dims()
	return []int{in}
}

// refine cuts pieces of the given widths at the boundaries between stacked maps
// and returns the widths of what falls to each map.
func refine(widths []int, maps []network.Map) [][]int {
	cuts := make([][]int, len(maps))
	piece, left := -1, 0 // what is left of the current piece
	for k, m := range maps {
		for need, _ := m.Dims(); need > 0; {
			if left == 0 {
				piece++
				left = widths[piece]
			}
			w := min(need, left)
			cuts[k] = append(cuts[k], w)
			need, left = need-w, left-w
		}
	}
	return cuts
}
