"""The `ottla` command.

`main` decides in a few lines what to load: `ottla broker` goes straight to the server, everything else through typer.
`commands/` holds one subcommand a file: what a person may type and what they see. `requests/` asks the cluster and
answers values; it prints nothing. `errors` is how a command fails: what, where, what to do.

This room never decides anything of Kafka's: it speaks the protocol through confluent-kafka, to any Kafka.
"""
