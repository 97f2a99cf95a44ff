module pullkey.dev/tests/transport

go 1.26
