"""What commands ask a cluster, through confluent-kafka: each function answers values and prints nothing."""
