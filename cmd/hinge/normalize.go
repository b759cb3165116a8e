package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"hinge"
)

type normalizeVerb struct {
	net    netFlags
	data   dataFlags
	out    outputFlags
	scale  scaleFlag
	output string
}

func normalizeCommand() *cobra.Command {
	var v normalizeVerb
	cmd := &cobra.Command{
		Use:   "normalize NET DATA -o OUT",
		Short: "Write a network in its normalized form on DATA",
		Long: `Write NET as the network that its normalized form on DATA is: the same outputs on
every row, up to rounding, from the units that matter there, in a canonical order.
Two networks of one hidden layer are the same solution if and only if their
normalized forms are; deeper ones are normalized layer by layer. Off the rows the
result is another function.`,
		Example: "hinge normalize trained.onnx train.csv -o normal.onnx",
		RunE:    v.run,
	}
	v.net.register(cmd)
	v.data.register(cmd)
	v.out.register(cmd)
	v.scale.register(cmd)
	cmd.Flags().StringVarP(&v.output, "output", "o", "", "the .onnx file to write")
	return cmd
}

func (v *normalizeVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	if v.output == "" {
		return withHint(errors.New("no output file"), "hinge normalize net.onnx rows.csv -o normal.onnx")
	}
	if err := canWrite(v.output); err != nil {
		return err
	}
	in, err := v.data.open(args, 1)
	if err != nil {
		return err
	}
	defer in.done()
	net, err := v.net.network(args)
	if err != nil {
		return err
	}
	p.stage("reading " + in.name)
	set, err := v.data.inputs(net, in, &v.scale)
	if err != nil {
		return err
	}
	p.stage("normalizing")
	normal, n, err := hinge.Normalize(net, set)
	if err != nil {
		return err
	}
	var files outputs
	defer func() { files.discard() }()
	if err := files.add(v.output, func(w io.Writer) error { return hinge.Write(w, normal) }); err != nil {
		return err
	}
	n.Network, n.File, n.Bytes = args[0], v.output, files[0].Size()
	p.end()
	if err := files.commit(); err != nil {
		return err
	}
	return v.out.print(cmd, n)
}
