package onnx

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/ort"
	"hinge/internal/shareddata"
	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// foreignFiles are the shared networks of other exporters that hinge reads and
// that hold all of their numbers.
func foreignFiles(t *testing.T) (dir string, names []string) {
	dir = shareddata.File(t, "nets")
	all, err := fs.Glob(os.DirFS(dir), "*.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if refused[name] == "" && !strings.HasPrefix(name, "broken_") {
			names = append(names, name)
		}
	}
	return dir, names
}

// shapeOfInput returns the declared shape, 1 for what is open.
func shapeOfInput(v *pb.ValueInfoProto) []int64 {
	var dims []int64
	for _, d := range v.GetType().GetTensorType().GetShape().GetDim() {
		dims = append(dims, max(d.GetDimValue(), 1))
	}
	return dims
}

// run evaluates a model on the rows of x, one at a time.
func runRows(t *testing.T, model []byte, x *mat.Dense, shape []int64, optimised bool) ([]*ort.Tensor, error) {
	t.Helper()
	prec := network.Float32
	if pb.TensorProto_DataType(modelOf(t, model).Graph.Input[0].GetType().GetTensorType().GetElemType()) == pb.TensorProto_DOUBLE {
		prec = network.Float64
	}
	var rows []ort.Tensor
	n, _ := x.Dims()
	for i := range n {
		rows = append(rows, ort.Tensor{Dims: shape, Data: x.RawRowView(i)})
	}
	return ort.EvalTensors(model, rows, prec, optimised)
}

// rowsFor draws rows of a network's inputs, of the size that its numbers have.
func rowsFor(seed uint64, n, d int) *mat.Dense {
	r := rand.New(rand.NewPCG(seed, 5))
	x := mat.NewDense(n, d, nil)
	for i := range n {
		for j := range d {
			v := r.Float64()
			if d < 100 {
				v = 2*v - 1
			} else if r.IntN(3) > 0 {
				v = 0
			}
			x.Set(i, j, float64(float32(v)))
		}
	}
	return x
}

func TestZZExplore(t *testing.T) {
	needRuntime(t)
	dir, names := foreignFiles(t)
	for _, name := range names {
		original, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		net, err := ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		written := encode(t, net, Options{})
		again, err := Decode(written)
		if err != nil || !same(net, again) {
			t.Errorf("%s: read back otherwise (%v)", name, err)
		}
		if !bytes.Equal(encode(t, again, Options{}), written) {
			t.Errorf("%s: other bytes when written again", name)
		}
		x := rowsFor(1, 50, net.Inputs())
		shape := shapeOfInput(modelOf(t, original).Graph.Input[0])
		asleep := sleepers(net, x)
		edited := encode(t, asleep, Options{})
		if again, err := Decode(edited); err != nil || !same(asleep, again) {
			t.Errorf("%s: edited, read back otherwise (%v)", name, err)
		}
		line := name
		for _, optimised := range []bool{false, true} {
			want, err := runRows(t, original, x, shape, optimised)
			if err != nil {
				line += " original fails: " + err.Error()[:40]
				continue
			}
			for _, m := range [][]byte{written, edited} {
				got, err := runRows(t, m, x, shape, optimised)
				if err != nil {
					line += " WRITTEN FAILS " + err.Error()
					continue
				}
				diff, worst := 0, 0.0
				for i := range want {
					if fmt.Sprint(got[i].Dims) != fmt.Sprint(want[i].Dims) {
						line += fmt.Sprint(" SHAPE", got[i].Dims, want[i].Dims)
						break
					}
					for j := range want[i].Data {
						if want[i].Data[j] != got[i].Data[j] {
							diff++
							worst = max(worst, math.Abs(want[i].Data[j]-got[i].Data[j]))
						}
					}
				}
				line += fmt.Sprintf(" %d(%.1g)", diff, worst)
			}
		}
		fmt.Println(line)
	}
}

// sleepers adds units to every hidden layer that are 0 on rows with numbers of
// at most 1, and are read by the next layer.
func sleepers(net *network.Network, x *mat.Dense) *network.Network {
	r := rand.New(rand.NewPCG(3, 3))
	grown := net
	for _, l := range net.HiddenLayers() {
		if l == len(net.Layers)-1 {
			continue
		}
		_, in := grown.Layers[l].Map.Dims()
		out := grown.Layers[l+1].Width()
		units := network.New{}
		largest := 0.0
		for _, h := range grown.Activations(x, l-1).RawMatrix().Data {
			largest = max(largest, math.Abs(h))
		}
		for range 3 {
			w, o := make([]float64, in), make([]float64, out)
			for j := range w {
				w[j] = float64(float32(r.NormFloat64()))
			}
			for j := range o {
				o[j] = float64(float32(r.NormFloat64()))
			}
			units.W, units.Out = append(units.W, w), append(units.Out, o)
			units.Bias = append(units.Bias, -float64(float32(10*largest*float64(in)+1)))
		}
		grown = grown.AddUnits(l, units)
	}
	return grown
}
