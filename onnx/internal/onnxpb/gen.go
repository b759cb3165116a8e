// Package onnxpb holds the protocol buffer messages of the ONNX format.
//
// onnx-ml.pb.go is generated from onnx-ml.proto of ONNX 1.12 (IR version 8,
// operator set 17), which Debian's python3-onnx installs. The messages and
// their comments are
//
//	Copyright (c) ONNX Project Contributors
//	SPDX-License-Identifier: Apache-2.0
//
// with the licence's text in LICENSE beside this file. To generate it anew,
// install protobuf-compiler and python3-onnx and run go generate here.
package onnxpb

//go:generate go build -o ../../../.cache/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go
//go:generate protoc --plugin=../../../.cache/protoc-gen-go --go_out=. --go_opt=paths=source_relative --go_opt=Monnx-ml.proto=hinge/onnx/internal/onnxpb -I /usr/lib/python3/dist-packages/onnx onnx-ml.proto
