"""HTTP plumbing shared by views and APIs."""
