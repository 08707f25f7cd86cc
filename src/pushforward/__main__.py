from pushforward.cli import main

main()
