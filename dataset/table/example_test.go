package table_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"hinge/dataset/table"
)

func ExampleRead() {
	folder, err := os.MkdirTemp("", "table")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "flats.csv")
	os.WriteFile(path, []byte("size;town;rent\n52,5;Bonn;610\n70;Trier;NA\n81;Trier;790\n52,5;Bonn;610\n"), 0o644)

	set, err := table.Read(path, table.Options{Target: []string{"rent"}, Missing: "drop"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.N(), "rows of", set.Schema.InputNames(), set.Schema.Task)
	fmt.Println("merged:", set.Merged)
	for _, note := range set.Notes {
		fmt.Println(note)
	}
	// Output:
	// 2 rows of [size town=Trier] regression
	// merged: [{4 1}]
	// Numbers are written with a decimal comma.
	// 1 of 4 rows have a missing cell and are left out: rows 2 (missing cells: rent 1).
	// Column town holds texts: one input for each of "Bonn", "Trier" but the first.
}

func ExampleReadInputs() {
	folder, err := os.MkdirTemp("", "table")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	built, later := filepath.Join(folder, "built.csv"), filepath.Join(folder, "later.csv")
	os.WriteFile(built, []byte("x,colour,y\n1,red,3\n2,blue,5.5\n3,red,8\n"), 0o644)
	os.WriteFile(later, []byte("colour,x\nblue,9\npink,10\n"), 0o644)

	set, err := table.Read(built, table.Options{})
	if err != nil {
		log.Fatal(err)
	}
	in, err := table.ReadInputs(later, set.Schema, table.Options{Limit: 1})
	fmt.Println(in.X.RawMatrix().Data, err)
	_, err = table.ReadInputs(later, set.Schema, table.Options{})
	var bad *table.Error
	if errors.As(err, &bad) {
		fmt.Println(bad.Err, "in row", bad.Row(), "column", bad.Column())
	}
	// Output:
	// [9 0] <nil>
	// unknown text in row 2 column colour
}
