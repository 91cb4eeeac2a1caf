"""The topics that the broker keeps for itself (Apache's `Topic.INTERNAL_TOPICS`)."""

GROUP_METADATA_TOPIC = "__consumer_offsets"
TRANSACTION_STATE_TOPIC = "__transaction_state"
SHARE_GROUP_STATE_TOPIC = "__share_group_state"

INTERNAL_TOPICS = frozenset((GROUP_METADATA_TOPIC, TRANSACTION_STATE_TOPIC, SHARE_GROUP_STATE_TOPIC))

ADMIN_CLIENT_ID = "__admin_client"
"""A client of this id may write to them (Apache's `AdminUtils.ADMIN_CLIENT_ID`)."""
