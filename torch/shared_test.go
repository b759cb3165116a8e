package torch

import (
	"errors"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/shareddata"
	"hinge/statedict"
)

func TestFilesOfOthers(t *testing.T) {
	data := shareddata.Bytes(t, "nets", "mlp_state_dict.pt")
	var ask *statedict.AskError
	if _, err := Decode(data, ""); !errors.As(err, &ask) || ask.Example != "16-32-relu-8-relu-2" {
		t.Errorf("mlp_state_dict.pt: %v", err)
	}
	if net, err := Decode(data, "16-32-relu-8-relu-2"); err != nil || net.Units() != 40 || net.Inputs() != 16 {
		t.Errorf("mlp_state_dict.pt: %v, %v", net, err)
	}
	if net, err := Decode(shareddata.Bytes(t, "nets", "linear_with_bias.pt"), ""); err != nil || net.Inputs() != 2 || net.Outputs() != 3 {
		t.Errorf("linear_with_bias.pt: %v, %v", net, err)
	}
	for _, layers := range []string{"", "4-3", "4-3-relu"} {
		var unsupported *statedict.UnsupportedError
		if _, err := Decode(shareddata.Bytes(t, "nets", "state_dict_bn.pt"), layers); !errors.As(err, &unsupported) || unsupported.Tensor != "running_mean" {
			t.Errorf("state_dict_bn.pt, %q: %v", layers, err)
		}
	}
}

// python runs a program with PyTorch, or skips the test where there is none.
func python(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("/usr/bin/python3") // the system's, which Debian's python3-torch belongs to
	if err != nil || exec.Command(path, "-c", "import torch").Run() != nil {
		t.Skip("no python3-torch")
	}
	cmd := exec.Command(path, append([]string{"-c", program}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// saving writes files in every way that PyTorch has and prints what its own
// network gives on rows of numbers, one output a line.
const saving = `
import sys, torch
from torch import nn
folder = sys.argv[1]
torch.manual_seed(3)
net = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 7, bias=False), nn.ReLU(), nn.Linear(7, 2))
x = torch.arange(15, dtype=torch.float64).reshape(3, 5).sin()
for name in "float32", "float64", "bfloat16", "float16":
    state = {k: v.detach().to(getattr(torch, name)) for k, v in net.state_dict().items()}
    torch.save(state, f"{folder}/{name}.pt")
    net.double().load_state_dict({k: v.double() for k, v in state.items()})
    for v in net(x).flatten().tolist():
        print(repr(v))
net.float()
torch.save(net.state_dict(), folder + "/parameters.pt")
torch.save({"epoch": 3, "model": net.state_dict(), "loss": [0.5, None]}, folder + "/checkpoint.pt")
torch.save({k: v.t().contiguous().t() if v.dim() == 2 else v for k, v in net.state_dict().items()}, folder + "/turned.pt")
torch.save(net, folder + "/model.pt")
torch.save(net.state_dict(), folder + "/old.pt", _use_new_zipfile_serialization=False)
torch.jit.script(net).save(folder + "/script.pt")
`

var update = flag.Bool("update", false, "write testdata anew, with PyTorch")

// What PyTorch saves is what it computes.
func TestPyTorch(t *testing.T) {
	folder := t.TempDir()
	if *update {
		folder = "testdata"
	}
	outputs := python(t, saving, folder)
	if err := os.WriteFile(filepath.Join(folder, "outputs.txt"), outputs, 0o666); err != nil {
		t.Fatal(err)
	}
	checkSaved(t, folder)
}

// The same with files that PyTorch wrote before, where it is not at hand.
func TestSavedByPyTorch(t *testing.T) { checkSaved(t, "testdata") }

func checkSaved(t *testing.T, folder string) {
	t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	lines := strings.Fields(string(read("outputs.txt")))
	x := mat.NewDense(3, 5, nil)
	for i := range 15 {
		x.Set(i/5, i%5, math.Sin(float64(i)))
	}
	const layers = "5-7-relu-7-relu-2"
	for i, name := range []string{"float32.pt", "float64.pt", "bfloat16.pt", "float16.pt"} {
		net, err := Decode(read(name), layers)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for k, got := range net.Forward(x).RawMatrix().Data {
			want, err := strconv.ParseFloat(lines[6*i+k], 64)
			// Both sum in float64, in some order.
			if err != nil || !(math.Abs(got-want) <= 1e-13) {
				t.Errorf("%s: output %d is %v, in PyTorch %v", name, k, got, lines[6*i+k])
			}
		}
	}
	same, err := Decode(read("parameters.pt"), layers)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"checkpoint.pt", "turned.pt"} {
		if net, err := Decode(read(name), layers); err != nil || net.Digest() != same.Digest() {
			t.Errorf("%s: %v, %v", name, net, err)
		}
	}
	for name, want := range map[string]string{"model.pt": "torch.nn.modules.container.Sequential", "old.pt": "before PyTorch 1.6", "script.pt": "TorchScript"} {
		var unsupported *UnsupportedError
		if _, err := Decode(read(name), layers); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
