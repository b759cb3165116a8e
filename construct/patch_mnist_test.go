package construct_test

import (
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/network"
)

// mnist reads the first limit rows of a pair of IDX files in the shared data,
// and skips the test when there are none.
func mnist(t testing.TB, part string, limit int) *dataset.Set {
	t.Helper()
	folder := filepath.Join(sharedFolder(t), "data", "mnist")
	images, labels := idx(t, filepath.Join(folder, part+"-images-idx3-ubyte.gz"), 16), idx(t, filepath.Join(folder, part+"-labels-idx1-ubyte.gz"), 8)
	n := min(limit, len(labels))
	x, class := mat.NewDense(n, 784, nil), make([]int, n)
	for i := range class {
		class[i] = int(labels[i])
		for j := 0; j < 784; j++ {
			x.Set(i, j, float64(images[784*i+j]))
		}
	}
	s, err := dataset.NewClasses(x, class, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func idx(t testing.TB, file string, header int) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Skip("no MNIST: ", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) < header || int(binary.BigEndian.Uint32(data[4:])) == 0 {
		t.Fatalf("%s is no IDX file", file)
	}
	return data[header:]
}

// sharedFolder finds the folder of test data beside the repository.
func sharedFolder(t testing.TB) string {
	if folder := os.Getenv("HINGE_SHARED"); folder != "" {
		return folder
	}
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, "..", "shared")
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Skip("no go.mod above the test")
		}
		folder = parent
	}
}

func catalogued(t testing.TB, name string) *construct.Construction {
	for _, c := range construct.Catalogue {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("%s is not in the catalogue", name)
	return nil
}

func accuracy(net *network.Network, s *dataset.Set) float64 {
	out := net.Eval(s.X)
	right := 0
	for i, c := range s.Class {
		best := 0
		for j, v := range out.RawRowView(i) {
			if v > out.At(i, best) {
				best = j
			}
		}
		if best == c {
			right++
		}
	}
	return float64(right) / float64(s.N())
}

// mnistRows is how much of MNIST the ordinary tests build, the given number of
// rows; HINGE_MNIST=full builds all of it.
func mnistRows(ordinary int) int {
	if os.Getenv("HINGE_MNIST") == "full" {
		return 60000
	}
	return ordinary
}

func TestPatchMNISTSize(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	blas.Use()
	set, test := mnist(t, "train", mnistRows(20000)), mnist(t, "t10k", 10000)
	p := &construct.Problem{Set: set, Goal: construct.SizeGoal}
	patch := catalogued(t, "patch")
	start := time.Now()
	plan, err := patch.Plan(p)
	t.Logf("plan %+v, %v, %v", plan, err, time.Since(start))
	start = time.Now()
	net, err := patch.Build(p)
	if err != nil {
		t.Fatal(err)
	}
	built := time.Since(start)
	start = time.Now()
	cert, err := certify.Certify(net, set, certify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows: %d hidden units, built in %v, certified in %v, margin %.2g, test accuracy %.4f",
		set.N(), net.Units(), built, time.Since(start), cert.MinMargin, accuracy(net, test))
	if !cert.Holds {
		t.Errorf("certificate fails: %d of %d rows hit, margin %v", cert.Hit, cert.Rows, cert.MinMargin)
	}
	if net.Units() > 36 {
		t.Errorf("%d hidden units, want at most 36", net.Units())
	}
}

func TestPatchMNISTGeneralize(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	if name, _ := blas.Use(); name == "gonum" {
		t.Skip("takes minutes without OpenBLAS")
	}
	set, test := mnist(t, "train", mnistRows(10000)), mnist(t, "t10k", 10000)
	start := time.Now()
	net, err := catalogued(t, "patch").Build(&construct.Problem{Set: set, Goal: construct.Generalize})
	if err != nil {
		t.Fatal(err)
	}
	built := time.Since(start)
	start = time.Now()
	cert, err := certify.Certify(net, set, certify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	right := accuracy(net, test)
	t.Logf("%d rows: %d hidden units, built in %v, certified in %v, margin %.2g, test accuracy %.4f",
		set.N(), net.Units(), built, time.Since(start), cert.MinMargin, right)
	if !cert.Holds {
		t.Errorf("certificate fails: %d of %d rows hit, margin %v", cert.Hit, cert.Rows, cert.MinMargin)
	}
	want := 0.95
	if set.N() == 60000 {
		want = 0.977
	}
	if right < want {
		t.Errorf("test accuracy %v, want at least %v", right, want)
	}
}
