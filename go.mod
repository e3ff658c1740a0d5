module github.com/segue-cluster/segue

go 1.26.0

toolchain go1.26.8
