"""What the shop knows of its figures: definitions, causes, playbooks, risks."""
