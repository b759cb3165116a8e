package onnx

import (
	"fmt"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/edit"
	"hinge/internal/ort"
	"hinge/internal/shareddata"
	"hinge/network"
)

// What a repair keeps bit for bit, it keeps in ONNX Runtime as well: the kept
// rows get from the edited file the bits that they got from the user's.

func TestRepairedClassesInRuntime(t *testing.T) {
	needRuntime(t)
	for _, name := range []string{"mnist_fc_256x2.onnx", "mnist_relu_3_50_transpose.onnx", "mnist_mlp_512_256.onnx"} {
		original := shareddata.Bytes(t, "nets", name)
		net, err := Decode(original)
		if err != nil {
			t.Fatal(err)
		}
		const rows, wrong = 400, 5
		pixels, _ := shareddata.MNIST(t, rows)
		x := mat.NewDense(rows, 784, nil)
		for k := range x.RawMatrix().Data {
			x.RawMatrix().Data[k] = float64(float32(pixels[k]) / 255)
		}
		fix, err := dataset.NewClasses(mat.DenseCopyOf(x.Slice(0, wrong, 0, 784)), otherClasses(net, x, wrong), tenClasses())
		if err != nil {
			t.Fatal(err)
		}
		repairedInRuntime(t, name, original, net, fix, mat.DenseCopyOf(x.Slice(wrong, rows, 0, 784)))
	}
}

func tenClasses() []string {
	names := make([]string, 10)
	for c := range names {
		names[c] = fmt.Sprint(c)
	}
	return names
}

// otherClasses returns for each of the first rows a class that the network does
// not give it.
func otherClasses(net *network.Network, x *mat.Dense, rows int) []int {
	out := net.Eval(x)
	class := make([]int, rows)
	for i := range class {
		for j, v := range out.RawRowView(i) {
			if v > out.At(i, class[i]) {
				class[i] = j
			}
		}
		class[i] = (class[i] + 1) % 10
	}
	return class
}

func TestRepairedValuesInRuntime(t *testing.T) {
	needRuntime(t)
	for _, name := range []string{"acasxu_1_1_matlab.onnx", "acasxu_4_1_nnet2onnx.onnx", "acasxu_N_1_1_gemm.onnx", "cartpole_torch.onnx", "tf2onnx_mnist_50.onnx"} {
		original := shareddata.Bytes(t, "nets", name)
		net, err := Decode(original)
		if err != nil {
			t.Fatal(err)
		}
		const rows, wrong = 300, 3
		x := rowsFor(7, rows, net.Inputs())
		head := mat.DenseCopyOf(x.Slice(0, wrong, 0, net.Inputs()))
		wanted := net.Eval(head)
		for i := range wrong {
			wanted.Set(i, 0, float64(float32(wanted.At(i, 0)+0.5)))
		}
		fix, err := dataset.New(head, wanted)
		if err != nil {
			t.Fatal(err)
		}
		repairedInRuntime(t, name, original, net, fix, mat.DenseCopyOf(x.Slice(wrong, rows, 0, net.Inputs())))
	}
}

// repairedInRuntime repairs and runs both files on the kept rows.
func repairedInRuntime(t *testing.T, name string, original []byte, net *network.Network, fix *dataset.Set, keep *mat.Dense) {
	t.Helper()
	made, err := edit.Repair(net, fix, keep, nil, edit.Options{Preserve: edit.Bits})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if !made.Keep.Holds || made.Network.Units() == net.Units() {
		t.Errorf("%s: %d units, kept: %v", name, made.Network.Units(), made.Keep.Holds)
	}
	made.Network.Meta = net.Meta
	edited := encode(t, made.Network, Options{})
	if back, err := Decode(edited); err != nil || !same(back, made.Network) {
		t.Errorf("%s: read back otherwise: %v", name, err)
	}
	if sameInRuntime(t, name+", repaired", original, edited, keep) == 0 {
		t.Errorf("%s: nothing compared", name)
	}
	in := batches(inputOf(modelOf(t, original)), fix.X, 1)
	was, err := ort.EvalTensors(original, in, network.Float32, true)
	if err != nil {
		t.Fatal(err)
	}
	is, err := ort.EvalTensors(edited, in, network.Float32, true)
	if err != nil || sameTensors(is, was, false) {
		t.Errorf("%s: the fixed rows have not moved (%v)", name, err)
	}
	t.Logf("%s: %d units added by %s", name, made.Network.Units()-net.Units(), made.Method)
}
