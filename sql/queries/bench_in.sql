copy {made} from stdin
