"""Baton's tables on moto, with the keys and indexes that `tests/infra` finds in the template."""

from typing import Any

from shared.adapters.dynamodb.keys import DUE_INDEX, STAGE_INDEX, STATE_INDEX, TEMPERATURE_INDEX

ACTIVITIES = "activities"
BUDGETS = "budgets"
ERASURES = "erasures"
LEADS = "leads"

INDEX_KEYS = {
    DUE_INDEX: ("due_shard", "due"),
    TEMPERATURE_INDEX: ("temperature", "rank"),
    STAGE_INDEX: ("stage", "rank"),
    STATE_INDEX: ("handoff_state", "requested_at"),
}


def create_tables(client: Any) -> None:
    primary = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    texts = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    client.create_table(
        TableName=ACTIVITIES,
        KeySchema=primary,
        AttributeDefinitions=texts,
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification=stream,
    )
    for table in (BUDGETS, ERASURES):
        client.create_table(
            TableName=table, KeySchema=primary, AttributeDefinitions=texts, BillingMode="PAY_PER_REQUEST"
        )
    names = {hash_key for hash_key, _ in INDEX_KEYS.values()}
    numbers = {sort_key for _, sort_key in INDEX_KEYS.values()}
    client.create_table(
        TableName=LEADS,
        KeySchema=primary,
        AttributeDefinitions=[
            *texts,
            *({"AttributeName": name, "AttributeType": "S"} for name in sorted(names)),
            *({"AttributeName": name, "AttributeType": "N"} for name in sorted(numbers)),
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": hash_key, "KeyType": "HASH"},
                    {"AttributeName": sort_key, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, (hash_key, sort_key) in INDEX_KEYS.items()
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification=stream,
    )
