"""Every setting under Apache Kafka's name: type, default, rule, meaning; and the values that hold.

A setting is declared once, as data (`broker_settings/`, `topic_settings`, `group_settings`, `quota_settings`); parsing,
checks, DescribeConfigs and the manual follow from the declaration. This room reads settings from files, the environment
and arguments, tells every fault at once, and says what a change of settings would mean. It keeps nothing and logs
nothing: where dynamic settings are stored is the cluster's business, who tells the warnings the broker's.

Start with `definition` (what a setting is), then `broker_config` (the broker's settings as one value), `topic_config`
(a topic's), and `dynamic` (what DescribeConfigs and AlterConfigs need).
"""
