import java.io.FileInputStream;
import java.io.ObjectInputStream;
import java.util.zip.GZIPInputStream;
import org.codehaus.mojo.animal_sniffer.Clazz;

/**
 * Prints what a signature file of Animal Sniffer holds: a line for each class with its name, its
 * superclass (or -), its interfaces separated by commas (or -), and its members.
 *
 * <pre>java -cp animal-sniffer.jar Signatures.java android-api-level-24.signature</pre>
 */
public final class Signatures {
    public static void main(String[] arguments) throws Exception {
        try (ObjectInputStream stream =
                new ObjectInputStream(
                        new GZIPInputStream(new FileInputStream(arguments[0])))) {
            Clazz next;
            while ((next = (Clazz) stream.readObject()) != null) {
                String parent = next.getSuperClass() == null ? "-" : next.getSuperClass();
                String interfaces = String.join(",", next.getSuperInterfaces());
                System.out.println(
                        next.getName()
                                + " "
                                + parent
                                + " "
                                + (interfaces.isEmpty() ? "-" : interfaces)
                                + " "
                                + String.join(" ", next.getSignatures()));
            }
        }
    }
}
