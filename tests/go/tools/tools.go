//go:build tools

// Package tools holds franz-go's own tests in go.mod, so that `go test` of that package is locked like the rest.
package tools

import _ "github.com/twmb/franz-go/pkg/kgo"
