package table

import (
	"errors"

	"hinge/dataset"
)

var errTodo = errors.New("not written yet")

func read(source string, opts Options) (*dataset.Set, error) { return nil, errTodo }

func readWith(source string, schema dataset.Schema, opts Options) (*dataset.Set, error) {
	return nil, errTodo
}

func readInputs(source string, schema dataset.Schema, opts Options) (*Inputs, error) {
	return nil, errTodo
}

func schemaFor(source string, inputs, outputs int, opts Options) (dataset.Schema, error) {
	return dataset.Schema{}, errTodo
}
