"""Real brokers and a real ZooKeeper for the integration tests: started, hurt, and watched from outside."""
