// Command depth writes docs/depth.md: what a second hidden layer, and many, buy
// on the same data.
//
//	go run ./bench/depth            writes docs/depth.md
//	go run ./bench/depth -print     prints it
//
// Every figure of the page is computed here, from data that package dataset
// generates, with fixed seeds, in the pure Go engine, and none is a time: the
// same page comes out of every run. Errors are written with one digit and
// conditions with two, so that the last bits of a machine do not matter.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	show := flag.Bool("print", false, "print the page instead of writing it")
	flag.Parse()
	text, err := page()
	if err == nil && *show {
		_, err = os.Stdout.WriteString(text)
	} else if err == nil {
		err = os.WriteFile(filepath.Join("docs", "depth.md"), []byte(text), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "depth:", err)
		os.Exit(1)
	}
}
