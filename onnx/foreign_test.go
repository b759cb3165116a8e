package onnx

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// sharedNets returns the folder of networks by other exporters, which is not
// part of the repository: beside it, or where HINGE_SHARED says.
func sharedNets(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("HINGE_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared") // this package is one below the module's root
	}
	dir = filepath.Join(dir, "nets")
	if _, err := os.Stat(dir); err != nil {
		t.Skip(err)
	}
	return dir
}

// plainChains are files of other exporters that are chains, with the number of
// layers they must become.
var plainChains = map[string]int{
	"acasxu_N_1_1_gemm.onnx": 7, "ezkl_accuracy_41.onnx": 3, "gemm_not_transB.onnx": 2, "iris_torch_4-10-3.onnx": 2,
	"keras2onnx_fc_2-2-3.onnx": 2, "lindex.onnx": 4, "safenlp_medical.onnx": 2, "tf2onnx_131_relu.onnx": 2,
	"tf2onnx_fc1.onnx": 4, "tf2onnx_mnist_50.onnx": 3, "tll_0_0.onnx": 14, "twin_ladder_double_w1.onnx": 4, "vdp.onnx": 3,
}

// expectations are outputs of ONNX Runtime on seeded inputs, by file.
type expectations map[string]struct {
	Cases []struct {
		Seed    uint32
		Outputs map[string]struct{ Data []float64 }
	}
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

// foreignTolerance is the largest difference, relative to the largest output,
// that orders of summation explain in these networks of float32 with up to 22
// layers: a few hundred units of rounding.
const foreignTolerance = 1e-4

func TestPlainChainsOfOthers(t *testing.T) {
	dir := sharedNets(t)
	text, err := os.ReadFile(filepath.Join(dir, "expected_onnx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected expectations
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	for name, layers := range plainChains {
		net := readFile(t, filepath.Join(dir, name))
		if len(net.Layers) != layers {
			t.Errorf("%s has %d layers, want %d", name, len(net.Layers), layers)
		}
		cases := expected[name].Cases
		if len(cases) == 0 {
			t.Errorf("%s: no outputs to compare with", name)
		}
		for _, c := range cases {
			got := net.Eval(seeded(c.Seed, net.Inputs())).RawRowView(0)
			for _, out := range c.Outputs {
				compareOutputs(t, name, got, out.Data)
			}
		}
	}
}

func readFile(t *testing.T, path string) *network.Network {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	net, err := Read(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return net
}

func compareOutputs(t *testing.T, name string, got, want []float64) {
	t.Helper()
	size := 0.0
	for _, v := range want {
		size = max(size, math.Abs(v))
	}
	for j, v := range want {
		if d := math.Abs(got[j] - v); !(d <= foreignTolerance*size) {
			t.Errorf("%s: output %d is %v, in ONNX Runtime %v", name, j, got[j], v)
		}
	}
}

// What cannot be held is refused for a reason that names it.
func TestOthersRefused(t *testing.T) {
	dir := sharedNets(t)
	for name, op := range map[string]string{
		"refuse_leaky_relu.onnx": "LeakyRelu", "refuse_prelu.onnx": "PRelu", "refuse_sigmoid_keras2onnx.onnx": "Sigmoid",
		"refuse_layernorm_clip.onnx": "LayerNormalization", "refuse_linear_classifier_ml.onnx": "ai.onnx.ml.LinearClassifier",
		"refuse_convnet_maxpool.onnx": "Conv", "refuse_traffic_conv.onnx": "Conv", "softmax_last.onnx": "Softmax",
	} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var unsupported *UnsupportedError
		if _, err := Decode(data); !errors.As(err, &unsupported) {
			t.Errorf("%s: %v", name, err)
		} else if unsupported.Op != op || unsupported.Node == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "broken_lfs_pointer.onnx"))
	var broken *FormatError
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(data); !errors.As(err, &broken) || !strings.Contains(err.Error(), "git-lfs") {
		t.Errorf("a Git LFS pointer: %v", err)
	}
}
