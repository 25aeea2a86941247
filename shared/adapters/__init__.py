"""The ports met by real technology: DynamoDB, EventBridge, SSM, e-mail, Slack, webhooks, HTTP shapes."""
