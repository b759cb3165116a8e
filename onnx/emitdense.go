package onnx

import "hinge/network"

// A burden is what the first dense part of a map has to carry beside its product.
// The zero value is nothing.
//
// A dense part with a bias is one Gemm with its own slice of it, wherever it
// stands: on its own, in a Stack or Blocks, or as the first term of a Sum, whose
// other terms are added afterwards. So the units that a network had before others
// were added beside them are computed by the operators that computed them then.
type burden struct {
	bias  []float64    // one number per output; nil: none
	names *[]string    // receives the names of the tensors of the bias
	known *layerOrigin // how the network's file writes the first dense part
}

// slice returns the burden of the outputs from <= j < to.
func (b burden) slice(from, to int) burden {
	part := burden{names: b.names}
	if b.bias != nil {
		part.bias = b.bias[from:to]
	}
	if from == 0 {
		part.known = b.known
	}
	return part
}

// addBias adds a bias to the pieces of a map.
func (e *emitter) addBias(h wire, b burden, base string) {
	if b.bias == nil {
		return
	}
	from := 0
	for i, t := range h {
		bias := e.numbers(base+".bias", b.bias[from:from+t.width], t.width)
		*b.names = append(*b.names, bias)
		h[i] = e.node("Add", base, t.width, t.name, bias)
		from += t.width
	}
}

// dense emits a dense map with its bias by the operators of the network's file,
// and else as a Gemm, or a MatMul where there is no bias.
func (e *emitter) dense(m *network.Dense, b burden, in wire, widths []int, base string) (wire, *mapRecord) {
	known := b.known
	if known == nil {
		known = &layerOrigin{Op: "Gemm"}
		if b.bias == nil && !e.gemmOnly {
			known.Op = "MatMul"
		}
	}
	record := &mapRecord{Kind: kindDense, Form: formMatMul}
	var h wire
	switch {
	case known.Left:
		h = e.leftMatMul(m, in, widths, base, known, record)
	case known.Op == "MatMul":
		h = e.matMul(m, in, widths, base, known, record)
	case known.Apart:
		h = e.gemm(m, burden{}, in, widths, base, known, record)
	default:
		return e.gemm(m, b, in, widths, base, known, record), record
	}
	e.addKnownBias(h, b, base, known)
	return h, record
}

// addKnownBias is addBias under the names of the network's file.
func (e *emitter) addKnownBias(h wire, b burden, base string, known *layerOrigin) {
	if b.bias == nil {
		return
	}
	from := 0
	for i, t := range h {
		bias := e.numbers(nameOf(known.Bias, i, base+".bias"), b.bias[from:from+t.width], known.biasDims(i, t.width)...)
		*b.names = append(*b.names, bias)
		h[i] = e.node("Add", base, t.width, t.name, bias)
		if i == 0 {
			e.nameAs(&h[0], known.Add)
		}
		from += t.width
	}
}

// nameOf returns the name that the file has for the first of some tensors, and
// otherwise the one that hinge gives.
func nameOf(known string, i int, otherwise string) string {
	if i == 0 && known != "" {
		return known
	}
	return otherwise
}

// gemm emits one Gemm for each piece: Y = X W^T + b, W stored with a row per
// output, as most tools have it, or with a column, where the file had it so.
func (e *emitter) gemm(m *network.Dense, b burden, in wire, widths []int, base string, known *layerOrigin, record *mapRecord) wire {
	record.Form = formGemm
	if known.Plain {
		record.Form = formGemmPlain
	}
	x := e.concat(in, base)
	var pieces wire
	from := 0
	for i, w := range widths {
		v, dims := m.W[from*m.In:(from+w)*m.In], []int{w, m.In}
		if known.Plain {
			v, dims = transpose(v, w, m.In), []int{m.In, w}
		}
		weight := e.numbers(nameOf(known.Weight, i, base+".weight"), v, dims...)
		record.Weights = append(record.Weights, weight)
		bias := make([]float64, w) // operator set 9 has no Gemm without a third input
		if b.bias != nil {
			bias = b.bias[from : from+w]
		}
		name := e.numbers(nameOf(known.Bias, i, base+".bias"), bias, known.biasDims(i, w)...)
		if b.bias != nil {
			*b.names = append(*b.names, name)
		}
		t := e.node("Gemm", base, w, x.name, weight, name)
		if !known.Plain {
			e.attribute(t, "transB", 1)
		}
		if i == 0 {
			e.nameAs(&t, &known.Product)
		}
		pieces = append(pieces, t)
		from += w
	}
	return pieces
}

// matMul emits Y = X V with V = W^T, for each piece.
func (e *emitter) matMul(m *network.Dense, in wire, widths []int, base string, known *layerOrigin, record *mapRecord) wire {
	x := e.concat(in, base)
	var pieces wire
	from := 0
	for i, w := range widths {
		name := nameOf(known.Weight, i, base+".weight")
		weight := e.numbers(name, transpose(m.W[from*m.In:(from+w)*m.In], w, m.In), m.In, w)
		record.Weights = append(record.Weights, weight)
		t := e.node("MatMul", base, w, x.name, weight)
		if i == 0 {
			e.nameAs(&t, &known.Product)
		}
		pieces = append(pieces, t)
		from += w
	}
	return pieces
}

// leftMatMul emits W x for files whose rows are columns, or vectors of which they
// take one at a time: a runtime may sum these products in another order than X W^T.
func (e *emitter) leftMatMul(m *network.Dense, in wire, widths []int, base string, known *layerOrigin, record *mapRecord) wire {
	record.Form = formLeft
	columns := e.turned(e.concat(in, base), base, known.Vector, "Squeeze")
	var pieces wire
	from := 0
	for i, w := range widths {
		weight := e.numbers(nameOf(known.Weight, i, base+".weight"), m.W[from*m.In:(from+w)*m.In], w, m.In)
		record.Weights = append(record.Weights, weight)
		t := e.node("MatMul", base, w, weight, columns.name)
		if i == 0 {
			e.nameAs(&t, &known.Product)
		}
		pieces = append(pieces, e.turned(t, base, known.Vector, "Unsqueeze"))
		from += w
	}
	return pieces
}

// turned makes columns of rows, and rows of columns; or, with the operator given,
// a vector of one row, and a row of a vector.
func (e *emitter) turned(t tensor, base string, vector bool, op string) tensor {
	if vector {
		t = e.node(op, base, t.width, t.name)
		e.list(t, "axes", []int64{0})
		return t
	}
	t = e.node("Transpose", base, t.width, t.name)
	e.list(t, "perm", []int64{1, 0})
	return t
}

// transpose returns the transpose of a rows x cols matrix.
func transpose(w []float64, rows, cols int) []float64 {
	t := make([]float64, len(w))
	for i := 0; i < rows; i++ {
		for j, v := range w[i*cols : (i+1)*cols] {
			t[j*rows+i] = v
		}
	}
	return t
}
