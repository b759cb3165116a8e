package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"hinge"
	"hinge/internal/shareddata"
	"hinge/network"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hinge": main})
}

// TestScripts runs testdata/script: one file per verb and per regression.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("SHARED", sharedFolder())
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "shared" {
				return sharedFolder() != "", nil
			}
			if path, ok := strings.CutPrefix(cond, "exists:"); ok {
				_, err := os.Stat(path)
				return err == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exit": cmdExit, "json": cmdJSON, "none": cmdNone, "flip": cmdFlip, "write": cmdWrite, "truncate": cmdTruncate, "strip": cmdStrip,
			"hostile": cmdHostile, "labels": cmdLabels,
		},
	})
}

// sharedFolder finds the folder of real tables beside the repository, or "".
func sharedFolder() string {
	folder := filepath.Join(shareddata.Folder(), "data")
	if _, err := os.Stat(folder); err != nil {
		return ""
	}
	return folder
}

// exit CODE hinge ARGS... runs the command and compares its exit code exactly.
func cmdExit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit code program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var failed *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// json FILE PATH OP VALUE compares one field of a JSON file. PATH is like
// certificate.max_error or missed.0.row; len is a list's length. OP is ==, <, <=, > or >=.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: json file path op value")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	for _, key := range strings.Split(args[1], ".") {
		switch at := v.(type) {
		case map[string]any:
			field, ok := at[key]
			if !ok {
				ts.Fatalf("%s: there is no field %q", args[1], key)
			}
			v = field
		case []any:
			if key == "len" {
				v = float64(len(at))
				continue
			}
			k, err := strconv.Atoi(key)
			if err != nil || k >= len(at) {
				ts.Fatalf("%s: no element %q of %d", args[1], key, len(at))
			}
			v = at[k]
		default:
			ts.Fatalf("%s: nothing inside %v", args[1], v)
		}
	}
	if !compare(v, args[2], args[3]) {
		ts.Fatalf("%s is %v, want %s %s", args[1], v, args[2], args[3])
	}
}

func compare(v any, op, want string) bool {
	x, isNumber := v.(float64)
	y, err := strconv.ParseFloat(want, 64)
	if !isNumber || err != nil {
		return op == "==" && fmt.Sprint(v) == want
	}
	switch op {
	case "==":
		return x == y
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	case ">=":
		return x >= y
	}
	return false
}

// none PATTERN... fails when a file matches: no output, half-written or whole,
// may be left behind.
func cmdNone(ts *testscript.TestScript, neg bool, args []string) {
	for _, pattern := range args {
		for _, p := range []string{pattern, "." + pattern + "*"} {
			files, err := filepath.Glob(ts.MkAbs(p))
			ts.Check(err)
			if len(files) > 0 {
				ts.Fatalf("left behind: %v", files)
			}
		}
	}
}

// flip IN OUT BIT changes one bit, counted from the lowest of the mantissa, of
// the first hidden weight inside a network file.
func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: flip in.onnx out.onnx bit")
	}
	bit, err := strconv.Atoi(args[2])
	ts.Check(err)
	net, err := hinge.Load(ts.MkAbs(args[0]))
	ts.Check(err)
	data := []byte(ts.ReadFile(args[0]))
	old := weightBytes(net)
	at := strings.Index(string(data), string(old))
	if at < 0 {
		ts.Fatalf("the weight is not stored as it is")
	}
	data[at+bit/8] ^= 1 << (bit % 8)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o666))
}

// weightBytes returns the bytes of the last layer's first nonzero weight and
// the weight after it, as files store them.
func weightBytes(net *network.Network) []byte {
	var b []byte
	network.Weights(net.Layers[len(net.Layers)-1].Map, func(w []float64) {
		for i := 0; b == nil && i+1 < len(w); i++ {
			if w[i] == 0 {
				continue
			}
			for _, v := range w[i : i+2] {
				if net.Precision == network.Float32 {
					b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
				} else {
					b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
				}
			}
		}
	})
	return b
}

// write FILE ROWS writes a table of random numbers a,b,y.
func cmdWrite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: write file rows")
	}
	rows, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b strings.Builder
	b.WriteString("a,b,y\n")
	rng := rand.New(rand.NewPCG(1, 2))
	for range rows {
		fmt.Fprintf(&b, "%v,%v,%v\n", rng.Float64(), rng.Float64(), rng.Float64())
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o666))
}

// truncate IN LENGTH OUT copies the first bytes of a file.
func cmdTruncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: truncate in length out")
	}
	length, err := strconv.Atoi(args[1])
	ts.Check(err)
	data := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(data[:min(length, len(data))]), 0o666))
}

// strip IN OUT writes a network file without hinge's notes, as other tools
// would leave it.
func cmdStrip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: strip in.onnx out.onnx")
	}
	net, err := hinge.Load(ts.MkAbs(args[0]))
	ts.Check(err)
	net.Meta = nil
	ts.Check(hinge.Save(ts.MkAbs(args[1]), net))
}
