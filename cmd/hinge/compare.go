package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/dataset"
	"hinge/dataset/table"
	"hinge/network"
	"hinge/nnet"
)

type compareVerb struct {
	net       netFlags
	second    netFlags
	data      dataFlags
	out       outputFlags
	scale     scaleFlag
	tolerance float64
}

func compareCommand() *cobra.Command {
	var v compareVerb
	cmd := &cobra.Command{
		Use:   "compare NET NET DATA",
		Short: "Are two networks the same on DATA? Where do they differ first?",
		Long: `Compare two networks on the rows of DATA: their outputs, their normalized forms,
and their hidden layers one by one. A unit has a counterpart when a unit of the
same layer of the other network puts out a positive multiple of the same numbers.

The table is read through the schema inside the first network that has one.
--layers and --nnet are about both networks, unless --layers-b or --nnet-b speak of
the second alone.

Exit code 0 if and only if the outputs are the same on every row, up to rounding.`,
		Example: `hinge compare a.onnx b.onnx rows.csv
hinge compare trained.onnx repaired.onnx train.csv --json
hinge compare a.pt b.pt rows.csv --layers 4-8-relu-2 --layers-b 4-6-relu-2`,
		RunE: v.run,
	}
	v.net.register(cmd)
	v.second.suffix = "-b"
	cmd.Flags().StringVar(&v.second.layers, "layers-b", "", "the same as --layers, for the second network alone")
	cmd.Flags().StringVar(&v.second.nnet, "nnet-b", "", "the same as --nnet, for the second network alone")
	v.data.register(cmd)
	v.out.register(cmd)
	v.scale.register(cmd)
	cmd.Flags().Float64Var(&v.tolerance, "tolerance", 0, "largest difference that counts as rounding, as a fraction of an output's range (default 1e-9, or 1e-4 for float32)")
	return cmd
}

func (v *compareVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	if v.tolerance < 0 || v.tolerance >= 1 {
		return fmt.Errorf("--tolerance is %v: give a fraction of an output's range, below 1", v.tolerance)
	}
	if len(args) < 2 || args[1] == "" {
		return withHint(errors.New("compare takes two networks, then DATA"), "hinge compare a.onnx b.onnx rows.csv")
	}
	in, err := v.data.open(args, 2)
	if err != nil {
		return err
	}
	defer in.done()
	nets, err := v.networks(args[0], args[1])
	if err != nil {
		return err
	}
	a, b := nets[0], nets[1]
	if a.Inputs() != b.Inputs() {
		p.end()
		return &answerNo{fmt.Sprintf("they differ: %s takes %d inputs, %s takes %d", args[0], a.Inputs(), args[1], b.Inputs())}
	}
	p.stage("reading " + in.name)
	schemaOf := a
	if hinge.SchemaOf(a) == nil && hinge.SchemaOf(b) != nil {
		schemaOf = b
	}
	set, err := v.data.inputs(schemaOf, in, &v.scale)
	if err != nil {
		return err
	}
	p.stage("comparing")
	c, err := hinge.Compare(a, b, set, v.tolerance)
	if err != nil {
		return err
	}
	c.Networks = [2]string{args[0], args[1]}
	p.end()
	if err := v.out.print(cmd, c); err != nil {
		return err
	}
	if !c.Equal() {
		return &answerNo{v.otherReading(args, nets)}
	}
	return nil
}

// apart says that the two networks have flags of their own.
func (v *compareVerb) apart() bool { return v.second.layers != "" || v.second.nnet != "" }

// networks loads both networks, each read as its flags say.
func (v *compareVerb) networks(first, second string) ([]*network.Network, error) {
	if !v.apart() {
		return v.net.load(first, second)
	}
	v.second.nnet = cmp.Or(v.second.nnet, nnet.Auto.String())
	a, err := v.net.load(first)
	if err != nil {
		return nil, err
	}
	b, err := v.second.load(second)
	return append(a, b...), err
}

// otherReading asks both networks' flags whether another reading may agree.
func (v *compareVerb) otherReading(paths []string, nets []*network.Network) string {
	if !v.apart() {
		return v.net.otherReading(paths[:2], nets)
	}
	return cmp.Or(v.net.otherReading(paths[:1], nets[:1]), v.second.otherReading(paths[1:2], nets[1:]))
}

// inputs reads the inputs of DATA for a network; targets may be there or not.
func (f *dataFlags) inputs(net *network.Network, in *input, scale *scaleFlag) (*dataset.Set, error) {
	schema, err := f.schema(net, in)
	if err != nil {
		return nil, err
	}
	rows, err := table.ReadInputs(in.path, schema, f.Options)
	if err != nil {
		return nil, in.named(err)
	}
	scale.apply(rows.X)
	return &dataset.Set{X: rows.X, Rows: rows.Rows, Notes: rows.Notes, Source: in.name, Schema: schema}, nil
}
