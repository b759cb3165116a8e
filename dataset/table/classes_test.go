package table

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestClassesKeepTheirRowsOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(file, []byte("a,b,kind\n1,2,x\n3,4,y\n5,6,z\n7,8,x\n9,1,z\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	set, err := Read(file, Options{Classes: []string{"z", "x"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{1, 3, 4, 5}; !slices.Equal(set.Rows, want) || !slices.Equal(set.Schema.Classes, []string{"x", "z"}) {
		t.Errorf("rows %v of the classes %v, want %v of x and z", set.Rows, set.Schema.Classes, want)
	}
	again, err := ReadWith(file, set.Schema, Options{Classes: []string{"x", "z"}})
	if err != nil {
		t.Fatal(err)
	}
	if again.N() != 4 || !slices.Equal(again.Class, set.Class) {
		t.Errorf("read again: classes %v, want %v", again.Class, set.Class)
	}
	if _, err := Read(file, Options{Classes: []string{"w"}}); !errors.Is(err, ErrOption) {
		t.Errorf("an unknown class gives %v", err)
	}
	if _, err := Read(file, Options{Classes: []string{"1"}, Target: []string{"a", "b"}}); !errors.Is(err, ErrOption) {
		t.Errorf("classes of two targets give %v", err)
	}
}
