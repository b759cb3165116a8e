package onnx

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/shareddata"
	"hinge/network"
)

// layersOf gives the number of layers that files of other exporters must become;
// files that are not named may have any.
var layersOf = map[string]int{
	"acasxu_N_1_1_gemm.onnx": 7, "ezkl_accuracy_41.onnx": 3, "gemm_not_transB.onnx": 2, "iris_torch_4-10-3.onnx": 2,
	"keras2onnx_fc_2-2-3.onnx": 2, "lindex.onnx": 4, "safenlp_medical.onnx": 2, "tf2onnx_131_relu.onnx": 2,
	"tf2onnx_fc1.onnx": 4, "tf2onnx_mnist_50.onnx": 3, "tll_0_0.onnx": 14, "twin_ladder_double_w1.onnx": 4, "vdp.onnx": 3,
	"acasxu_4_1_nnet2onnx.onnx": 7, "mnist_relu_3_100_transpose.onnx": 3, "linear_only_fc2.onnx": 2, "drones_AC1.onnx": 3,
	"sklearn_mlp_float_data.onnx": 2, "softmax_last.onnx": 3, "ext_cartpole/model.onnx": 3,
}

// refused are the files that cannot be held, with the operator to blame, or a
// part of the reason.
var refused = map[string]string{
	"refuse_leaky_relu.onnx": "LeakyRelu", "refuse_prelu.onnx": "PRelu", "refuse_sigmoid_keras2onnx.onnx": "Sigmoid",
	"refuse_layernorm_clip.onnx": "LayerNormalization", "refuse_linear_classifier_ml.onnx": "ai.onnx.ml.LinearClassifier",
	"refuse_convnet_maxpool.onnx": "MaxPool", "refuse_multi_input.onnx": "2 inputs (X1, X2) and 2 outputs (Y, relu1)",
}

// doubles are the files whose numbers, or declared inputs, are double.
var doubles = map[string]bool{"twin_ladder_double_w1.onnx": true, "drones_AC1.onnx": true, "acc_net_0.onnx": true}

// A reference is the outputs for the inputs of a seed.
type reference struct {
	seed uint32
	out  []float64
}

// references returns the outputs of ONNX Runtime by file and, for files that it
// rejects, those that an evaluation in float64 gave.
func references(t *testing.T, dir string) map[string][]reference {
	t.Helper()
	var runtime, other map[string]struct {
		Cases []struct {
			Seed    uint32
			Outputs map[string]struct{ Data []float64 }
			Out     []float64
		}
	}
	for name, to := range map[string]any{"expected_onnx.json": &runtime, "expected_other.json": &other} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, to); err != nil {
			t.Fatal(err)
		}
	}
	all := map[string][]reference{}
	for name, file := range runtime {
		for _, c := range file.Cases {
			for _, out := range c.Outputs {
				all[name] = append(all[name], reference{c.Seed, out.Data})
			}
		}
	}
	for name, file := range other {
		for _, c := range file.Cases {
			all[name] = append(all[name], reference{c.Seed, c.Out})
		}
	}
	return all
}

// seeded returns the inputs that belong to a seed.
func seeded(seed uint32, d int) *mat.Dense {
	lo := -1.0
	if d >= 100 {
		lo = 0
	}
	x := mat.NewDense(1, d, nil)
	for j := range d {
		seed = seed*1664525 + 1013904223
		x.Set(0, j, float64(float32(lo+(1-lo)*(float64(seed)/(1<<32)))))
	}
	return x
}

// foreignTolerance is the largest difference that is borne, relative to the
// largest output: in float32, what orders of summation explain in up to 22
// layers, a few hundred units of rounding at most; in float64, the digits in
// which the references are written.
var foreignTolerance = map[network.Precision]float64{network.Float32: 1e-5, network.Float64: 1e-12}

// Every file of other exporters gives the outputs that its reference has, or is
// refused for a reason that names what is to blame.
func TestNetworksOfOthers(t *testing.T) {
	dir := shareddata.File(t, "nets")
	all := references(t, dir)
	names, err := fs.Glob(os.DirFS(dir), "*.onnx")
	if err != nil {
		t.Fatal(err)
	}
	below, err := fs.Glob(os.DirFS(dir), "*/*.onnx")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, name := range append(names, below...) {
		net, err := ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		switch blame := refused[name]; {
		case blame != "":
			checkRefusal(t, name, err, blame)
		case strings.HasPrefix(name, "broken_"):
			var broken *FormatError
			if !errors.As(err, &broken) || !strings.Contains(err.Error(), "git lfs pull") {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			read++
			checkOutputs(t, name, net, all[name])
		}
	}
	if read < 30 {
		t.Errorf("only %d networks read", read)
	}
}

func checkRefusal(t *testing.T, name string, err error, blame string) {
	t.Helper()
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) {
		t.Errorf("%s: %v", name, err)
	} else if unsupported.Op != blame && !strings.Contains(unsupported.Reason, blame) {
		t.Errorf("%s: %v", name, err)
	}
}

func checkOutputs(t *testing.T, name string, net *network.Network, cases []reference) {
	t.Helper()
	if want := layersOf[name]; want != 0 && len(net.Layers) != want {
		t.Errorf("%s has %d layers, want %d:\n%v", name, len(net.Layers), want, net)
	}
	if double := net.Precision == network.Float64; double != doubles[name] {
		t.Errorf("%s is read in %v", name, net.Precision)
	}
	if len(cases) == 0 {
		t.Errorf("%s: no outputs to compare with", name)
	}
	for _, c := range cases {
		got := net.Eval(seeded(c.seed, net.Inputs())).RawRowView(0)
		if net.Meta[outputKey] == "softmax" {
			got = softmax(got)
		}
		size, worst := 0.0, 0.0
		for j, v := range c.out {
			size, worst = max(size, math.Abs(v)), max(worst, math.Abs(got[j]-v))
		}
		if len(c.out) != min(len(got), 20) || !(worst <= foreignTolerance[net.Precision]*size) {
			t.Errorf("%s: seed %d: outputs\n%v\nin the reference\n%v\n%g of the largest away", name, c.seed, got, c.out, worst/size)
		}
		t.Logf("%s: seed %d: %.1e of the largest output away", name, c.seed, worst/size)
	}
}

func softmax(z []float64) []float64 {
	p, sum := make([]float64, len(z)), 0.0
	for i, v := range z {
		p[i] = math.Exp(v - slices.Max(z))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// What a file leaves to be guessed is said.
func TestNotesOfOthers(t *testing.T) {
	dir := shareddata.File(t, "nets")
	for name, want := range map[string][]string{
		"softmax_last.onnx":           {"hinge.output softmax", "The Softmax", "[N 1 28 28]"},
		"dropout_infer.onnx":          {"The Dropout", "hinge.producer pytorch 2.2.0"},
		"sklearn_mlp_float_data.onnx": {"one row at a time", "[5 1]"},
		"linear_only_fc2.onnx":        {"one row at a time"},
		"matlab_engine_1L.onnx":       {"flattened to rows", "hinge.producer MATLAB"},
		"drones_AC1.onnx":             {"mixes float and double"},
	} {
		net, err := ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := ""
		for key, value := range net.Meta {
			text += key + " " + value + "\n"
		}
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: nothing says %q in\n%s", name, part, text)
			}
		}
	}
}
