package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/report"
)

type infoVerb struct {
	net netFlags
	out outputFlags
}

func infoCommand() *cobra.Command {
	var v infoVerb
	cmd := &cobra.Command{
		Use:   "info NET",
		Short: "Shapes, schema, construction and certificate of a network",
		Long: `Tell what NET says of itself. The certificate inside the file names the very
network it was proved for: when a weight was changed since, info says so and the
exit code is 1.`,
		Example: "hinge info housing.onnx",
		RunE:    v.run,
	}
	v.net.register(cmd)
	v.out.register(cmd)
	return cmd
}

func (v *infoVerb) run(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return withHint(errors.New("info takes one network"), "hinge info net.onnx")
	}
	net, err := v.net.network(args)
	if err != nil {
		return err
	}
	info := hinge.Info(net)
	info.File = args[0]
	if file, err := os.Stat(args[0]); err == nil {
		info.Bytes = file.Size()
	}
	if err := v.out.print(cmd, info); err != nil {
		return err
	}
	if info.Stored == report.StoredChanged {
		return &answerNo{report.StoredText(info.Stored)}
	}
	return nil
}
